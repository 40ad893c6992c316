"""What is read from disk for a reader: older events and output, gaps, snapshots."""

from __future__ import annotations

from pathlib import Path

from supervisor.core.frames import MAX_PIECE
from tests.supervisor.web.streams.reader import reading, snapshot
from tests.supervisor.web.streams.stage import open_stage
from workers.core.lifecycle import State


async def test_events_that_are_no_longer_kept_are_a_gap(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for _ in range(3):
            stage.worker.tell({"sessionUpdate": "_rc/archived"})
        for segment in Path(stage.session.bundle.directory).glob("events-*"):
            segment.rename(segment.with_name("events-" + segment.name.removeprefix("events-").replace("1", "3")))
        async with reading(stage) as reader:
            stage.session.hub.restart_events(3)
            gap, *rest = await reader.read()
            assert gap["type"] == "gap"
            assert (gap["from"], gap["to"] + len(rest)) == (1, 3)


async def test_output_that_is_no_longer_kept_is_a_terminal_gap(tmp_path: Path) -> None:
    async with open_stage(tmp_path, terminal_keep=4 << 20) as stage:
        for _ in range(200):
            stage.worker.print(b"x" * 65_536)
        start = stage.worker.terminal.start
        assert start > 0
        async with reading(stage, 0, 1) as reader:
            gap, *_ = await reader.read()
            assert gap == {"type": "terminal_gap", "from": 1, "to": start}
            assert len(reader.output) == stage.worker.terminal.end - start


async def test_output_that_an_ended_session_lost_is_a_terminal_gap(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.print(b"kept")
        async with reading(stage) as reader:
            stage.session.link_down()
            stage.session.hub.advance(10)
            stage.session.set_facts(state=State.LOST)
            assert await reader.read() == [(1, 0, b"kept"), {"type": "terminal_gap", "from": 4, "to": 10}]


async def test_a_snapshot_whose_output_is_gone_goes_on_with_what_is_left(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage, wants_all=False) as reader:
        stage.worker.print(b"12345")
        parts = [{"prefix": "", "start": 0, "end": 3}, {"prefix": "", "start": 100, "end": 200}]
        stage.worker.snapshot = snapshot(5, *parts)
        reader.cursor.stalled = True
        told = await reader.read()
        assert [piece for piece in told if isinstance(piece, tuple)] == [(2, 0, b""), (1, 0, b"123"), (2, 100, b"")]


async def test_a_long_snapshot_is_read_a_page_at_a_time(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage, wants_all=False) as reader:
        for _ in range(50):
            stage.worker.print(b"x" * 60_000)
        stage.worker.snapshot = snapshot(3_000_000, {"prefix": "", "start": 0, "end": 3_000_000})
        told = await reader.read()
        assert max(len(piece[2]) for piece in told if isinstance(piece, tuple)) == MAX_PIECE
        assert len(reader.output) == 3_000_000
