"""Where a reader is told that the terminal has another size."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.web.streams.sizes import SIZES
from tests.supervisor.web.streams.reader import reading
from tests.supervisor.web.streams.stage import open_stage


async def test_a_resize_is_told_as_a_size_where_it_happened(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage) as reader:
        stage.worker.print(b"small")
        stage.worker.resize(30, 100)
        stage.worker.print(b"large")
        event, before, size, after = await reader.read()
        assert event["update"]["sessionUpdate"] == "_rc/resized"
        assert (before, after) == ((1, 0, b"small"), (1, 5, b"large"))
        assert size == {"type": "size", "rows": 30, "columns": 100}
        stage.worker.resize(31, 100)
        event, size = await reader.read()
        assert size == {"type": "size", "rows": 31, "columns": 100}


async def test_a_size_cuts_output_that_is_read_from_disk(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage) as reader:
        stage.worker.print(b"small")
        stage.worker.resize(30, 100)
        stage.worker.print(b"large")
        stage.session.hub.go_live(10)
        stage.session.hub.restart_events(1)
        _, before, size, after = await reader.read()
        assert (before, after) == ((1, 0, b"small"), (1, 5, b"large"))
        assert size["type"] == "size"


async def test_a_size_cuts_a_piece_in_memory(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage) as reader:
        stage.worker.print(b"smalllarge")
        stage.worker.tell({"sessionUpdate": "_rc/resized", "rows": 30, "columns": 100, "terminal_offset": 5})
        _, before, size, after = await reader.read()
        assert (before, after) == ((1, 0, b"small"), (1, 5, b"large"))
        assert size["type"] == "size"


async def test_a_resize_of_long_ago_and_a_text_that_speaks_of_one_are_events_only(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.resize(30, 100)
        async with reading(stage) as reader:
            stage.worker.tell({"sessionUpdate": "_rc/turn_diff", "was": {"sessionUpdate": "_rc/resized"}})
            assert [event["type"] for event in await reader.read()] == ["event", "event"]


async def test_a_resize_that_makes_no_sense_is_an_event_only(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, reading(stage) as reader:
        stage.worker.tell({"sessionUpdate": "_rc/resized", "rows": "many", "columns": None}, "agent")
        assert [event["type"] for event in await reader.read()] == ["event"]


@pytest.mark.parametrize("on_disk", [False, True])
async def test_events_wait_when_too_many_sizes_wait_for_output(tmp_path: Path, on_disk: bool) -> None:
    async with open_stage(tmp_path) as stage, reading(stage) as reader:
        for rows in range(SIZES + 10):
            stage.worker.tell({"sessionUpdate": "_rc/resized", "rows": rows + 1, "columns": 80, "terminal_offset": 5})
        if on_disk:
            stage.session.hub.restart_events(SIZES + 10)
        assert len(await reader.read()) == SIZES
        stage.worker.print(b"12345")
        told = await reader.read()
        assert [piece["rows"] for piece in told if not isinstance(piece, tuple) and piece["type"] == "size"] == [
            rows + 1 for rows in range(SIZES + 10)
        ]
