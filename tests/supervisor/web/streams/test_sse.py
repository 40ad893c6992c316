"""Both streams as server-sent events."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from starlette.types import Message
from trio.testing import MockClock

from supervisor.core.access import OWNER
from supervisor.core.hold import Turn
from supervisor.web.streams.connection import GOODBYE_SECONDS
from supervisor.web.streams.outlet import STALL_SECONDS
from supervisor.web.streams.sse import COMMENT_SECONDS, EventStream, box_events, session_events
from tests.supervisor.web.streams.stage import SESSION, Stage, open_stage, until
from workers.core import events
from workers.errors import Refused

NOTICE = events.notice("info", "hi")


class Listener:
    """The far end of a response: reads one event at a time, and the server waits for it."""

    def __init__(self) -> None:
        self.send, self._body = trio.open_memory_channel[Message](0)
        self.leave, self._requests = trio.open_memory_channel[Message](1)
        self.last_id: str | None = None
        self._buffer = b""

    async def receive(self) -> Message:
        return await self._requests.receive()

    async def line(self) -> bytes:
        """One event, or one comment, as it came."""
        while b"\n\n" not in self._buffer:
            message = await self._body.receive()
            if message["type"] == "http.response.body":
                if not message["more_body"]:
                    return b""
                self._buffer += message["body"]
            else:
                assert (b"content-type", b"text/event-stream; charset=utf-8") in message["headers"]
                assert not any(name == b"content-length" for name, _ in message["headers"])
        event, _, self._buffer = self._buffer.partition(b"\n\n")
        return event

    async def next(self) -> Any:
        for line in (await self.line()).split(b"\n"):
            if line.startswith(b"id: "):
                self.last_id = line.removeprefix(b"id: ").decode()
            if line.startswith(b"data: "):
                return json.loads(line.removeprefix(b"data: "))
        return None

    async def until(self, type: str) -> Any:
        while (message := await self.next())["type"] != type:
            pass
        return message


@contextlib.asynccontextmanager
async def listening(response: EventStream) -> AsyncIterator[Listener]:
    listener = Listener()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(response, {"type": "http"}, listener.receive, listener.send.send)
        yield listener
        nursery.cancel_scope.cancel()


def nothing() -> int:
    """What a client has taken that stands still."""
    return 0


def session_stream(
    stage: Stage, query: str = "", last_event_id: str | None = None, delivered: Callable[[], int] = nothing
) -> EventStream:
    return session_events(stage.box, stage.session, query, last_event_id, OWNER, delivered, stage.clock)


async def test_a_session_tells_hello_then_the_screen_then_what_is_live(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.print(b"$ ")
        part = {"prefix": base64.b64encode(b"\x1b[m").decode(), "start": 0, "end": 2, "rows": 24, "columns": 80}
        stage.worker.snapshot = {"parts": [{**part, "sizes": []}], "live_at": 2}
        async with listening(session_stream(stage)) as listener:
            hello = await listener.next()
            assert (hello["type"], hello["role"], hello["session"]["id"]) == ("hello", "owner", SESSION)
            assert [(await listener.next())["type"] for _ in range(5)] == [
                "lease",
                "screen",
                "size",
                "terminal_state",
                "terminal",
            ]
            assert listener.last_id is None, "nobody can go on from within a snapshot"
            stage.worker.print(b"ls")
            data = base64.b64encode(b"ls").decode()
            assert await listener.next() == {"type": "terminal", "offset": 2, "data": data}
            assert listener.last_id == "0:4"
            stage.worker.tell(NOTICE)
            assert (await listener.next())["seq"] == 1
            assert listener.last_id == "1:4"


async def test_a_client_goes_on_from_its_last_event_which_wins_over_the_query(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.print(b"12345")
        stage.worker.tell(NOTICE)
        stage.worker.tell(NOTICE)
        async with listening(session_stream(stage, "after=0&terminal_after=0", "1:3")) as listener:
            assert (await listener.until("event"))["seq"] == 2
            told = await listener.next()
            assert (told["offset"], base64.b64decode(told["data"])) == (3, b"45")
            assert listener.last_id == "2:5"


@pytest.mark.parametrize(("query", "last_event_id"), [("after=x", None), ("", "nonsense"), ("limit=1", "1:2")])
async def test_what_is_wrong_is_refused_before_anything_is_sent(
    tmp_path: Path, query: str, last_event_id: str | None
) -> None:
    async with open_stage(tmp_path) as stage:
        with pytest.raises(Refused) as caught:
            session_stream(stage, query, last_event_id)
        assert caught.value.code == "invalid"


async def test_a_silent_stream_has_a_comment_every_fifteen_seconds(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage, listening(session_stream(stage)) as listener:
        await listener.until("screen")
        for _ in range(2):
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(COMMENT_SECONDS)
            assert (await listener.line()).startswith(b":")
        stage.worker.tell(NOTICE)
        assert (await listener.next())["seq"] == 1


async def test_a_slow_reader_that_gets_on_is_not_behind(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage:
        gets_on = itertools.count().__next__
        async with listening(session_stream(stage, delivered=gets_on)) as listener:
            await listener.until("screen")
            stage.worker.print(b"slow")
            await trio.testing.wait_all_tasks_blocked()
            stage.worker.print(b"kept")
            for _ in range(5):
                mock_clock.jump(STALL_SECONDS)
                await trio.testing.wait_all_tasks_blocked()
            assert [(await listener.next())["offset"] for _ in range(2)] == [0, 4]


async def test_a_reader_that_wants_all_and_stands_still_gets_it_all(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage, listening(session_stream(stage, "catch_up=all")) as listener:
        await listener.until("lease")
        for offset in range(0, 3_000_000, 60_000):
            stage.worker.print(b"x" * 60_000)
            if offset == 0:
                await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(STALL_SECONDS)
        at = 0
        while at < 3_000_000:
            message = await listener.next()
            assert (message["type"], message["offset"]) == ("terminal", at)
            at += len(base64.b64decode(message["data"]))


async def test_a_reader_that_leaves_a_mebibyte_unread_is_behind(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, listening(session_stream(stage)) as listener:
        await listener.until("screen")
        for _ in range(20):
            stage.worker.print(b"x" * 60_000)
        stage.worker.snapshot = {"parts": [], "live_at": 1_200_000}
        assert await listener.until("behind") == {"type": "behind", "last_seq": 0, "terminal_offset": 1_200_000}
        assert await listener.next() == {"type": "screen", "live_at": 1_200_000}


async def test_a_reader_that_stands_still_for_a_second_is_behind(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage, listening(session_stream(stage)) as listener:
        await listener.until("screen")
        stage.worker.print(b"slow")
        await trio.testing.wait_all_tasks_blocked()
        stage.worker.print(b"lost")
        mock_clock.jump(STALL_SECONDS)
        await trio.testing.wait_all_tasks_blocked()
        stage.worker.snapshot = {"parts": [], "live_at": 8}
        assert (await listener.next())["offset"] == 0
        assert (await listener.next())["type"] == "behind"
        assert await listener.next() == {"type": "screen", "live_at": 8}


async def test_a_client_that_leaves_is_forgotten(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, listening(session_stream(stage)) as listener:
        await listener.until("screen")
        assert stage.session.hub.lookers == 1
        await listener.leave.send({"type": "http.request"})
        await listener.leave.send({"type": "http.disconnect"})
        await until(lambda: stage.session.hub.lookers == 0)


async def test_a_box_that_stops_says_goodbye_also_in_a_flood(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, listening(session_stream(stage, "catch_up=all")) as listener:
        await listener.until("lease")
        for _ in range(10):
            stage.worker.print(b"x" * 200_000)
        stage.box.stopping.set()
        assert await listener.until("bye") == {"type": "bye", "reason": "supervisor_stopping", "retry": True}
        assert await listener.line() == b""


async def test_a_device_that_is_revoked_is_told(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        line = nullcontext(stage.revoked)
        one = session_events(stage.box, stage.session, "", None, OWNER, nothing, stage.clock, line)
        async with (
            listening(one) as listener,
            listening(box_events(stage.box, OWNER, nothing, line)) as box,
        ):
            await listener.until("hello")
            await box.until("hello")
            stage.revoked.set()
            for each in (listener, box):
                assert await each.until("bye") == {"type": "bye", "reason": "revoked", "retry": False}
                assert await each.line() == b""


async def test_a_revoked_device_that_does_not_read_is_let_go(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage:
        line = nullcontext(stage.revoked)
        one = session_events(stage.box, stage.session, "", None, OWNER, nothing, stage.clock, line)
        listener = Listener()
        stage.revoked.set()
        with trio.fail_after(GOODBYE_SECONDS + 0.1):
            await one({"type": "http"}, listener.receive, unread)
        assert stage.session.hub.lookers == 0


async def unread(message: Message) -> None:
    """The way to a client that does not read: nothing but the head finds room."""
    if message["type"] != "http.response.start":
        await trio.sleep_forever()


async def test_a_deleted_session_says_goodbye_for_good(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, listening(session_stream(stage)) as listener:
        await listener.until("screen")
        stage.session.turn(Turn.REMOVED)
        stage.session.changed()
        assert await listener.until("bye") == {"type": "bye", "reason": "session_deleted", "retry": False}


async def test_the_box_tells_the_same_as_over_a_websocket(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, listening(box_events(stage.box, OWNER, nothing)) as listener:
        hello = await listener.next()
        assert (hello["type"], hello["approvals"]) == ("hello", [])
        assert [session["id"] for session in hello["sessions"]] == [SESSION]
        stage.session.set_facts(name="renamed")
        stage.box.watches.touch(SESSION)
        assert (await listener.next())["session"]["name"] == "renamed"
        assert listener.last_id is None
        stage.box.stopping.set()
        assert (await listener.until("bye"))["retry"] is True
