"""A reader of a session: what comes next, from memory and from disk, for whatever reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from supervisor.core.hold import Turn
from supervisor.web.streams.session_cursor import BEHIND, Cursor
from supervisor.web.streams.source import BATCH, BATCH_PIECES
from tests.supervisor.web.streams.reader import Plain, Reader, prefix, reading, snapshot
from tests.supervisor.web.streams.stage import Stage, open_stage


async def test_a_reader_at_the_end_has_nothing_to_do(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage) as reader:
        assert await reader.read() == []


async def test_events_come_from_memory_or_from_disk_and_are_the_same(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for number in range(600):
            stage.worker.tell({"sessionUpdate": "_rc/notice", "level": "info", "text": str(number) + "x" * 1000})
        async with reading(stage) as reader:
            told = await reader.read()
            assert [event["seq"] for event in told] == list(range(1, 601))
            assert all(event["update"]["text"].startswith(str(event["seq"] - 1) + "x") for event in told)
        async with reading(stage, 590) as reader:
            assert await reader.read() == told[590:]


async def test_output_comes_from_memory_or_from_disk_and_is_the_same(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.print(b"before ")
        async with reading(stage) as reader:
            for number in range(300):
                stage.worker.print(b"%07d." % number * 1000)
            whole = b"before " + b"".join(b"%07d." % number * 1000 for number in range(300))
            await reader.read()
            assert reader.output == whole
            again = Reader(stage, Cursor(stage.session, Plain(), stage.clock, wants_all=True))
            again.cursor.start(0, len(whole) - 12_345)
            await again.read()
            assert again.output == whole[-12_345:]


async def test_a_batch_is_bounded_in_octets_and_in_pieces(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage) as reader:
        for _ in range(2000):
            stage.worker.print(b".")
        batch = reader.cursor.batch()
        assert len(batch.pieces) == BATCH_PIECES
        assert batch.more
        for _ in range(10):
            stage.worker.print(b"x" * 60_000)
        assert reader.cursor.batch().octets < BATCH + 60_100
        await reader.read()
        assert len(reader.output) == 602_000


async def test_what_did_not_go_out_comes_again(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage) as reader:
        stage.worker.print(b"one")
        stage.worker.tell({"sessionUpdate": "_rc/archived"})
        stage.worker.print(b"two")
        reader.cursor.say(type="pong", id="p")
        batch = reader.cursor.batch()
        reader.cursor.advance(batch, 0)
        assert [piece if isinstance(piece, tuple) else piece["type"] for piece in await reader.read(2)] == [
            "pong",
            "event",
        ]
        assert await reader.read(1) == [(1, 0, b"one")]
        assert await reader.read() == [(1, 3, b"two")]


async def test_while_the_disk_lags_the_reader_looks_again(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage, reading(stage) as reader:
        stage.session.hub.drop_ring()
        stage.session.hub.advance(3)
        assert reader.cursor.batch().more
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reader.cursor.fetch)
            await trio.lowlevel.checkpoint()
            stage.worker.terminal.append(0, 1, b"now")
            while nursery.child_tasks:
                mock_clock.jump(0.1)
                await trio.lowlevel.checkpoint()
        assert await reader.read() == [(1, 0, b"now")]


async def test_many_events_at_once_are_more_than_one_batch(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage) as reader:
        for _ in range(BATCH_PIECES + 10):
            stage.worker.tell({"sessionUpdate": "_rc/archived"})
        assert len(reader.cursor.batch().pieces) == BATCH_PIECES
        assert [event["seq"] for event in await reader.read()] == list(range(1, BATCH_PIECES + 11))


async def test_a_reader_that_is_left_behind_gets_the_screen(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage, wants_all=False) as reader:
        for _ in range(20):
            stage.worker.print(b"x" * 60_000)
        end = stage.worker.terminal.end
        assert end > BEHIND
        stage.worker.tell({"sessionUpdate": "_rc/archived"})
        part = {"prefix": prefix(b"\x1b[1m"), "start": end - 10, "end": end, "sizes": [[end - 5, 30, 100]]}
        stage.worker.snapshot = snapshot(end, part)
        assert await reader.read() == [
            {"type": "behind", "last_seq": 1, "terminal_offset": end},
            {"type": "screen", "live_at": end},
            {"type": "size", "rows": 24, "columns": 80},
            (2, end - 10, b"\x1b[1m"),
            (1, end - 10, b"xxxxx"),
            {"type": "size", "rows": 30, "columns": 100},
            (1, end - 5, b"xxxxx"),
        ]
        stage.worker.print(b"live")
        stage.worker.tell({"sessionUpdate": "_rc/restored"})
        event, live = await reader.read()
        assert (event["seq"], live) == (2, (1, end, b"live"))


async def test_a_reader_that_wants_all_is_never_behind(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage) as reader:
        for _ in range(40):
            stage.worker.print(b"x" * 60_000)
        reader.cursor.stalled = True
        assert {type(piece) for piece in await reader.read()} == {tuple}
        assert len(reader.output) == 2_400_000


async def test_a_reader_that_stalled_with_something_to_send_is_behind(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage, wants_all=False) as reader:
        reader.cursor.stalled = True
        assert await reader.read() == [], "there was nothing to send"
        stage.worker.print(b"x")
        stage.worker.snapshot = snapshot(1)
        reader.cursor.stalled = True
        assert [piece["type"] for piece in await reader.read()] == ["behind", "screen"]


async def test_a_reader_without_a_terminal_is_behind_too_and_gets_no_screen(tmp_path: Path) -> None:
    async with open_stage(tmp_path, "echo") as stage:
        cursor = Cursor(stage.session, Plain(), stage.clock, wants_all=False)
        reader = Reader(stage, cursor)
        await reader.read()
        stage.worker.tell({"sessionUpdate": "_rc/archived"})
        cursor.stalled = True
        assert await reader.read() == [{"type": "behind", "last_seq": 1, "terminal_offset": 0}]
        stage.worker.tell({"sessionUpdate": "_rc/restored"})
        assert [event["seq"] for event in await reader.read()] == [2]


async def test_output_missed_by_less_than_a_mebibyte_is_read_from_disk(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage, wants_all=False) as reader:
        stage.worker.live = False
        stage.worker.print(b"missed")
        stage.session.hub.go_live(6)
        stage.worker.live = True
        stage.worker.print(b" live")
        assert await reader.read() == [(1, 0, b"missed live")]


async def test_a_client_that_does_not_draw_is_behind(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage, wants_all=False) as reader:
        reader.cursor.credit(0)
        for number in range(20):
            stage.worker.print(b"x" * 60_000)
            stage.worker.snapshot = snapshot((number + 1) * 60_000)
            told = await reader.read()
            if told[0] != (1, number * 60_000, b"x" * 60_000):
                break
        assert [piece["type"] for piece in told] == ["behind", "screen"]
        stage.worker.print(b"y")
        assert len(await reader.read()) == 1, "what it had not drawn is forgotten"


async def test_what_came_while_the_screen_was_shown_need_not_be_drawn(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage, wants_all=False) as reader:
        reader.cursor.credit(0)
        for _ in range(18):
            stage.worker.print(b"x" * 60_000)
        stage.worker.snapshot = snapshot(3 * 18 * 60_000)  # the worker is far ahead of us
        assert (await reader.read(1))[0]["type"] == "behind"
        for _ in range(2 * 18):
            stage.worker.print(b"x" * 60_000)
        assert [piece["type"] for piece in await reader.read()] == ["screen"]


async def test_a_client_that_wants_all_and_does_not_draw_gets_no_more_until_it_does(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage) as reader:
        reader.cursor.credit(0)
        for _ in range(30):
            stage.worker.print(b"x" * 60_000)
        await reader.read()
        held = len(reader.output)
        assert BEHIND < held < 1_800_000
        assert await reader.read() == []
        reader.cursor.credit(1 << 60)
        await reader.read()
        assert held + len(reader.output) == 1_800_000


async def test_another_history_is_told_and_begun_with(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage, wants_all=False) as reader:
        stage.worker.print(b"old")
        stage.worker.snapshot = snapshot(3)
        stage.session.set_facts(history="other")
        told = await reader.read()
        assert told[0] == {"type": "history_changed", "history": "other", "last_seq": 0, "terminal_offset": 3}
        assert [piece["type"] for piece in told[1:]] == ["screen"]


async def test_a_history_that_was_not_known_yet_is_no_change(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.session.set_facts(history="")
        async with reading(stage) as reader:
            stage.session.set_facts(history="known")
            assert await reader.read() == []


async def test_a_deleted_session_ends_its_readers(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage) as reader:
        assert reader.cursor.ending is None
        stage.session.turn(Turn.REMOVED)
        assert reader.cursor.ending is not None
        assert reader.cursor.ending.reason == "session_deleted"


steps = st.lists(
    st.tuples(st.just("print"), st.integers(1, 100_000))
    | st.tuples(st.just("tell"), st.integers(1, 3000))
    | st.tuples(st.just("resize"), st.integers(1, 1000))
    | st.tuples(st.just("lose"), st.just(0))
    | st.tuples(st.just("read"), st.integers(0, 30)),
    max_size=30,
)


def act(stage: Stage, step: str, number: int) -> None:
    """One thing that happens on the stage."""
    if step == "print":
        stage.worker.print(bytes([65 + number % 26]) * number)
    elif step == "tell":
        stage.worker.tell({"sessionUpdate": "_rc/notice", "level": "info", "text": "t" * number})
    elif step == "resize":
        stage.worker.resize(number, 80)
    elif step == "lose":  # the supervisor's memory of all this
        stage.session.hub.go_live(stage.worker.terminal.end)
        stage.session.hub.restart_events(stage.worker.events.last_seq)


def check(told: list[Any], last_seq: int, end: int) -> None:
    """Every number once and in order, and every size behind the output that it is for."""
    at, seq, resized = 0, 0, list[dict[str, Any]]()
    for piece in told:
        if isinstance(piece, tuple):
            assert piece[1] == at
            at += len(piece[2])
        elif piece["type"] == "event":
            seq += 1
            assert piece["seq"] == seq
            if piece["update"]["sessionUpdate"] == "_rc/resized":
                resized.append(piece["update"])
        else:
            update = resized.pop(0)
            assert piece == {"type": "size", "rows": update["rows"], "columns": 80}
            assert at == update["terminal_offset"]
    assert (seq, at, resized) == (last_seq, end, [])


# hypothesis calls the test many times, the fixture makes one directory
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(done=steps)
async def test_whatever_happens_between_a_reader_of_everything_gets_it_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, done: list[tuple[str, int]]
) -> None:
    async with open_stage(tmp_path_factory.mktemp("stage")) as stage, reading(stage) as reader:
        told: list[Any] = []
        for step, number in done:
            act(stage, step, number)
            if step == "read" and number:
                told += await reader.read(number)
        told += await reader.read()
        check(told, stage.worker.events.last_seq, stage.worker.terminal.end)
