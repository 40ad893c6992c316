"""What those who watch a box are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from supervisor.core.access import OWNER, Principal
from supervisor.serveoptions import ServeOptions
from supervisor.sessions import news
from supervisor.sessions.watch import BOX
from tests.supervisor.sessions.wholebox import whole_box

AGENT = Principal("agent", "session_1")


class OnePairing:
    def shown(self) -> list[dict[str, Any]]:
        return [{"id": "pairing_1"}]

    def show_one(self, id: str) -> dict[str, Any] | None:
        return {"id": id} if id == "pairing_1" else None


async def test_the_owner_is_told_of_pairings_and_nobody_else_is(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions(), pairings=OnePairing()) as parts:
        told = news.hello(parts.box, OWNER)
        assert (told["type"], told["sessions"], told["pairings"]) == ("hello", [], [{"id": "pairing_1"}])
        assert told["box"] == parts.box.describe(OWNER)
        assert "pairings" not in news.hello(parts.box, AGENT)
        keys = {"session_1", "pairing_1", BOX}
        assert news.concerning(keys, OWNER) == [BOX, "pairing_1", "session_1"]
        assert news.concerning(keys, AGENT) == [BOX, "session_1"]


async def test_each_key_stands_for_a_whole_object_or_for_what_is_gone(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions(), pairings=OnePairing()) as parts:
        box = parts.box
        assert news.message(box, OWNER, BOX) == {"type": "box", "box": box.describe(OWNER)}
        assert news.message(box, OWNER, "pairing_1") == {"type": "pairing", "pairing": {"id": "pairing_1"}}
        assert news.message(box, OWNER, "pairing_2") == {"type": "pairing_gone", "id": "pairing_2"}
        assert news.message(box, OWNER, "session_1") == {"type": "session_gone", "id": "session_1"}


def test_a_box_without_a_desk_has_no_pairings() -> None:
    nobody = news.NoPairings()
    assert (nobody.shown(), nobody.show_one("pairing_1")) == ([], None)
