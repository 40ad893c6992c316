"""The lease as clients are told of it, and commands that come without a connection."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from supervisor.core.access import OWNER, Principal
from supervisor.core.leases import LEASE_SECONDS, Held, Lease, Seat
from supervisor.web.streams.lease import CLOCK, Clock, command_by_post, lease_message, new_seat, refusal
from tests.supervisor.web.streams.stage import AT, SESSION, open_stage, until
from workers.core import events
from workers.errors import Refused

ANA = Seat("c1", "ana", None, "owner")
AT_NOON = Clock(lambda: 100.0, lambda: AT)


def test_nobody_holds_it_or_somebody_until_a_time_of_day() -> None:
    lease = Lease()
    assert json.loads(lease_message(lease, AT_NOON)) == {"type": "lease", "holder": None, "until": None}
    lease.type(ANA, 90.0)
    assert json.loads(lease_message(lease, AT_NOON)) == {
        "type": "lease",
        "holder": {"person": "ana", "device": None, "connection": "c1"},
        "until": "2023-11-14T22:13:40.000Z",
    }


def test_a_refusal_says_who_and_until_when() -> None:
    refused = refusal(Held(ANA, 20.0), AT_NOON)
    assert refused.code == "lease_held"
    assert refused.fields == {"by": ANA.describe(), "until": "2023-11-14T22:13:40.000Z"}
    assert "ana" in refused.detail
    assert refusal(Held(Seat("c2", None, None, "owner"), None), AT_NOON).fields["until"] is None


def test_every_connection_has_a_seat_of_its_own() -> None:
    first, second = new_seat(OWNER, SESSION), new_seat(OWNER, SESSION)
    assert (first.person, first.role) == ("owner", "owner")
    assert first.connection != second.connection
    inside = new_seat(Principal("agent", SESSION), SESSION)
    assert (inside.person, inside.role) == (None, "viewer")


def test_the_clock_of_the_box_goes_on() -> None:
    assert CLOCK.boot() <= CLOCK.boot()
    assert CLOCK.text_in(0.0).endswith("Z")


async def test_a_prompt_by_post_holds_the_lease_for_the_write_only(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        stage.worker.may_answer = trio.Event()
        seqs: list[int] = []

        async def post() -> None:
            wish = {"kind": "prompt", "text": "ls"}
            seqs.append(await command_by_post(stage.session, OWNER, "prompt", wish, stage.clock))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(post)
            assert [(await client.until("lease"))["holder"] is None for _ in range(2)] == [True, False]
            await client.type(b"x")
            assert (await client.until("refused"))["error"]["code"] == "lease_held"
            stage.worker.may_answer.set()
        assert seqs == [1]
        assert (await client.until("lease"))["holder"] is None


async def test_a_prompt_by_post_needs_the_lease_free(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        await client.type(b"x")
        await client.until("lease")
        await client.until("lease")
        for kind, wish in (("prompt", {"text": "ls"}), ("resize", {"rows": 2, "columns": 2})):
            with pytest.raises(Refused) as caught:
                await command_by_post(stage.session, OWNER, kind, {"kind": kind, **wish}, stage.clock)
            assert caught.value.code == "lease_held"
        mock_clock.jump(LEASE_SECONDS)
        assert await command_by_post(stage.session, OWNER, "prompt", {"kind": "prompt", "text": "ls"}, stage.clock)


async def test_a_repeat_by_post_gets_the_first_answer_whoever_types_by_now(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        wish = {"kind": "prompt", "text": "ls", "message_id": "0b9c2f0e-8f5e-4c36-9d1c-0123456789ab"}
        first = await command_by_post(stage.session, OWNER, "prompt", wish, stage.clock)
        await client.type(b"x")
        await until(lambda: stage.worker.keys == b"x")
        assert await command_by_post(stage.session, OWNER, "prompt", wish, stage.clock) == first
        with pytest.raises(Refused) as caught:
            other = {**wish, "message_id": "0b9c2f0e-8f5e-4c36-9d1c-0123456789ac"}
            await command_by_post(stage.session, OWNER, "prompt", other, stage.clock)
        assert caught.value.code == "lease_held"
        assert caught.value.fields["until"] is not None


async def test_other_commands_by_post_need_no_lease(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        await client.type(b"x")
        await client.until("screen")
        assert await command_by_post(stage.session, OWNER, "interrupt", {"kind": "interrupt"}) == 1


async def test_without_a_terminal_there_is_nothing_to_hold(tmp_path: Path) -> None:
    async with open_stage(tmp_path, "echo") as stage:
        assert await command_by_post(stage.session, OWNER, "prompt", {"kind": "prompt", "text": "hi"}) == 1


async def test_a_session_that_has_ended_has_no_lease(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.tell(events.process("exited", code=0))
        stage.session.link_down()
        for kind, wish in (("prompt", {"text": "ls"}), ("resize", {"rows": 2, "columns": 2})):
            with pytest.raises(Refused, match="it is exited") as caught:
                await command_by_post(stage.session, OWNER, kind, {"kind": kind, **wish}, stage.clock)
            assert caught.value.code == "not_running"
        assert stage.session.lease.version == 0


@pytest.mark.parametrize("kind", ["take_lease", "release_lease"])
async def test_a_lease_belongs_to_a_connection(tmp_path: Path, kind: str) -> None:
    async with open_stage(tmp_path) as stage:
        with pytest.raises(Refused, match="belongs to a connection"):
            await command_by_post(stage.session, OWNER, kind, {"kind": kind})


async def test_a_prompt_that_fails_gives_the_lease_back(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.refuse = Refused("rate_limited", "too many", "wait")
        with pytest.raises(Refused, match="too many"):
            await command_by_post(stage.session, OWNER, "prompt", {"kind": "prompt", "text": "ls"}, stage.clock)
        assert stage.session.lease.holder(stage.clock.boot()) is None
