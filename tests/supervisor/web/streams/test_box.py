"""The stream of the box: whole objects, as they are now."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio.testing
from trio.testing import MockClock

from supervisor.core.access import OWNER
from supervisor.core.hold import Turn
from supervisor.sessions.watch import BOX
from supervisor.web.streams.box import PAUSE_SECONDS
from tests.supervisor.web.streams.stage import SESSION, open_stage

PATH = "/v1/stream"


async def test_hello_shows_the_box_and_its_sessions(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client(path=PATH) as client:
        hello = await client.next()
        assert hello["type"] == "hello"
        assert hello["box"]["name"] == "stage"
        assert hello["box"]["you"]["person"] == "owner"
        assert [session["id"] for session in hello["sessions"]] == [SESSION]
        assert hello["approvals"] == []


async def test_what_changes_is_told_whole(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage, stage.client(path=PATH) as client:
        await client.next()
        stage.session.set_facts(name="renamed")
        stage.box.watches.touch(SESSION)
        told = await client.next()
        assert (told["type"], told["session"]["name"]) == ("session", "renamed")
        stage.box.watches.touch(BOX)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(PAUSE_SECONDS)
        assert await client.next() == {"type": "box", "box": stage.box.describe(OWNER)}


async def test_pairings_are_told_to_the_owner(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        async with stage.client(path=PATH) as client:
            assert (await client.next())["pairings"] == []
            stage.box.pairings.known["pairing_1"] = {"id": "pairing_1", "state": "waiting"}
            stage.box.watches.touch("pairing_1")
            assert await client.next() == {"type": "pairing", "pairing": {"id": "pairing_1", "state": "waiting"}}
        async with stage.client(path=PATH) as client:
            assert [pairing["id"] for pairing in (await client.next())["pairings"]] == ["pairing_1"]


async def test_a_burst_of_changes_is_one_object_with_the_last_word(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage, stage.client(path=PATH) as client:
        await client.next()
        stage.box.watches.touch(SESSION)
        await client.next()
        for number in range(100):
            stage.session.set_facts(name=f"name-{number}")
            stage.box.watches.touch(SESSION)
            await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(PAUSE_SECONDS)
        assert (await client.next())["session"]["name"] == "name-99"
        await client.tell(type="ping", id="p")
        assert await client.next() == {"type": "pong", "id": "p"}


async def test_a_session_that_is_gone_is_told_by_its_id(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage, stage.client(path=PATH) as client:
        await client.next()
        stage.session.turn(Turn.REMOVED)
        stage.box.watches.touch(SESSION)
        assert await client.next() == {"type": "session_gone", "id": SESSION}
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(PAUSE_SECONDS)
        stage.box.on_stage.clear()
        stage.box.watches.touch(SESSION)
        assert await client.next() == {"type": "session_gone", "id": SESSION}


@pytest.mark.parametrize(
    "frame", ["{", b"", b"\x01x", '{"type":"command","id":"c","command":{"kind":"interrupt"}}', '{"type":"shout"}']
)
async def test_it_only_tells(tmp_path: Path, frame: str | bytes) -> None:
    async with open_stage(tmp_path) as stage, stage.client(path=PATH) as client:
        await client.next()
        await client.websocket.send_message(frame)
        refused = await client.next()
        assert (refused["type"], refused["id"], refused["error"]["code"]) == ("refused", None, "invalid")


async def test_a_client_that_does_not_read_costs_no_more_than_its_sessions(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client(path=PATH) as client:
        await client.next()
        for number in range(2000):
            stage.session.set_facts(name=f"name-{number}")
            stage.box.watches.touch(SESSION)
        await trio.testing.wait_all_tasks_blocked()
        while (await client.next())["session"]["name"] != "name-1999":
            pass


async def test_it_says_goodbye_when_the_box_stops(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client(path=PATH) as client:
        await client.next()
        stage.box.stopping.set()
        assert (await client.until("bye"))["retry"] is True
        assert await client.close_code() == 1012


async def test_more_sessions_than_one_batch_holds_are_all_told(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client(path=PATH) as client:
        await client.next()
        for number in range(700):
            stage.box.watches.touch(f"session_{number:03}")
        told = [(await client.next())["id"] for _ in range(700)]
        assert told == [f"session_{number:03}" for number in range(700)]
