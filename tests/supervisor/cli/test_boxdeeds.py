"""What the keys of `rc top` ask of a box."""

from __future__ import annotations

import pytest

from supervisor.cli.boxdeeds import BoxDeeds
from tests.supervisor.cli.oddbox import OddBox, Reply
from tests.supervisor.cli.stage import client_at
from workers.errors import Refused


async def test_each_key_is_one_request(odd: OddBox) -> None:
    deeds = BoxDeeds(client_at(odd.path))
    odd.answer("PATCH", "/v1/box", {})
    odd.answer("POST", "/v1/pairings", {"id": "p"})
    odd.answer("POST", "/v1/pairings/p/accept", {})
    odd.answer("DELETE", "/v1/pairings/p", {})
    await deeds.switch_mode("worktree")
    assert await deeds.invite() == {"id": "p"}
    await deeds.accept("p", "123456")
    await deeds.call_off("p")
    bodies = [asked.json for asked in odd.asked if asked.body]
    assert bodies == [{"spawn_mode": "worktree"}, {}, {"number": "123456"}]
    assert odd.asked[-1].method == "DELETE"


async def test_a_box_that_went_away_refuses(odd: OddBox) -> None:
    odd.answers["PATCH", "/v1/box"] = Reply(b"{", cut=True)
    with pytest.raises(Refused) as refused:
        await BoxDeeds(client_at(odd.path)).switch_mode("worktree")
    assert refused.value.code == "unreachable"
