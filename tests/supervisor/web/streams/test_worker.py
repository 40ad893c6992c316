"""The line of a remote worker, without the line: what is put on it, and what comes from it."""

from __future__ import annotations

import json
from typing import Any, cast

import trio
import trio.testing

from supervisor.core import frames
from supervisor.core.workerrecords import Ping, Record
from supervisor.sessions.standin import StandIn
from supervisor.web.streams.dialect import SseDialect, WebSocketDialect
from supervisor.web.streams.worker import MOST_KEYS, MOST_WORDS, REFUSED, WorkerDesk, WorkerSource
from workers.errors import Refused


def drained(source: WorkerSource) -> list[bytes]:
    batch = source.batch()
    source.advance(batch, len(batch.pieces))
    assert source.is_done(batch, len(batch.pieces)) == (not source.unsaid)
    return batch.pieces


def test_words_and_keys_keep_their_order() -> None:
    source, moved = WorkerSource(1, WebSocketDialect()), list[int]()
    source.moved = lambda: moved.append(source.unsaid)
    assert source.speaks
    source.tell(type="hello")
    assert source.type(b"ls\r")
    source.tell(type="pong", id="p")
    assert moved == [1, 2, 3]
    assert drained(source) == [
        frames.text(b'{"type":"hello"}'),
        frames.keys(b"ls\r"),
        frames.text(b'{"type":"pong","id":"p"}'),
    ]
    assert drained(source) == []


def test_by_events_keys_are_words_too() -> None:
    source = WorkerSource(1, SseDialect())
    assert not source.speaks and source.type(b"ls\r")
    (event,) = drained(source)
    assert event == b'data: {"type":"keys","data":"bHMN"}\n\n'


async def test_keys_wait_for_a_worker_that_does_not_read_up_to_a_bound() -> None:
    source = WorkerSource(1, WebSocketDialect())
    assert source.type(b"x" * (MOST_KEYS // 2)) and not source.has_room
    assert not source.type(b"x" * MOST_KEYS) and source.unsaid == 1
    with trio.fail_after(5):
        async with trio.open_nursery() as tasks:
            for _ in range(3):
                tasks.start_soon(source.wait_room)
            await trio.testing.wait_all_tasks_blocked()
            drained(source)
    assert source.has_room


async def test_who_waits_for_room_goes_when_the_line_ends() -> None:
    source = WorkerSource(1, WebSocketDialect())
    source.type(b"x" * (MOST_KEYS // 2))
    async with trio.open_nursery() as tasks:
        tasks.start_soon(source.wait_room)
        await trio.testing.wait_all_tasks_blocked()
        source.end("ended")
        source.end("superseded")
    assert source.ending is not None
    assert (source.ending.code, source.ending.reason, source.ending.retry) == (frames.NORMAL, "ended", False)
    await source.fetch()


def test_a_long_queue_goes_in_parts() -> None:
    source = WorkerSource(1, WebSocketDialect())
    for number in range(1000):
        source.tell(type="command", number=number)
    batch = source.batch()
    assert batch.more and len(batch.pieces) < 1000
    source.advance(batch, len(batch.pieces))
    assert not source.is_done(batch, len(batch.pieces)) and source.unsaid == 1000 - len(batch.pieces)


def test_a_command_waits_for_the_worker_once_and_is_said_again_when_that_has_read_it() -> None:
    source = WorkerSource(1, SseDialect())
    for number in (1, 2, 1, 2):
        source.tell(type="command", number=number)
    source.tell(type="recorded", number=1)
    assert source.unsaid == 3
    drained(source)
    source.tell(type="command", number=1)
    assert source.unsaid == 1


def test_a_worker_that_does_not_read_what_is_said_is_behind_and_may_come_again() -> None:
    source = WorkerSource(1, SseDialect())
    source.tell(type="hello", argv=["x" * (MOST_WORDS - 100)])
    drained(source)
    assert source.ending is None
    source.tell(type="hello", argv=["x" * (MOST_WORDS - 100)])
    for number in range(4):
        source.tell(type="pong", id=f"a ping of some length, the {number}th")
    assert source.ending is not None and (source.ending.reason, source.ending.retry) == ("behind", True)
    waits = source.unsaid
    source.tell(type="recorded", number=1)
    assert source.unsaid == waits < 4 and not source.type(b"x")


class Recorded:
    """Takes pings, and nothing else."""

    def __init__(self) -> None:
        self.taken: list[Record] = []

    async def wait_room(self) -> None:
        await trio.lowlevel.checkpoint()

    def take(self, record: Record) -> None:
        if not isinstance(record, Ping):
            raise Refused("invalid_state", "not now", "later")
        self.taken.append(record)


async def test_what_may_not_be_told_ends_the_line_and_nothing_behind_it_is_heard() -> None:
    recorded, source = Recorded(), WorkerSource(1, WebSocketDialect())
    desk = WorkerDesk(cast("StandIn", recorded), source)
    await desk.take('{"type":"ping","id":"p"}')
    await desk.take('{"type":"begin","run":"00000000-0000-4000-8000-000000000001"}')
    await desk.take('{"type":"ping","id":"q"}')
    assert recorded.taken == [Ping("p")]
    assert source.ending is not None and (source.ending.code, source.ending.reason) == (REFUSED, "refused")
    (said,) = drained(source)
    told: dict[str, Any] = json.loads(said[said.index(b"{") :])
    assert (told["type"], told["error"]["code"]) == ("refused", "invalid_state")
