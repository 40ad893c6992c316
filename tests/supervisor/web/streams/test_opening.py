"""How a stream begins: what was asked for, against what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.core.access import Principal
from tests.supervisor.web.streams.stage import HISTORY, SESSION, open_stage
from workers.core import events

NOTICE = events.notice("info", "hi")


async def test_events_after_a_number_come_first_and_then_live_ones(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for _ in range(3):
            stage.worker.tell(NOTICE)
        async with stage.client("after=1&catch_up=all") as client:
            assert (await client.next())["last_seq"] == 3
            await client.next()
            stage.worker.tell(NOTICE)
            assert [(await client.next())["seq"] for _ in range(3)] == [2, 3, 4]


async def test_without_a_number_only_live_events_come(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.tell(NOTICE)
        async with stage.client() as client:
            await client.until("lease")
            stage.worker.tell(NOTICE)
            assert (await client.until("event"))["seq"] == 2


async def test_a_stream_begins_with_the_screen(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.print(b"$ ls\r\n")
        part = {"prefix": "", "start": 0, "end": 6, "rows": 24, "columns": 80, "sizes": []}
        stage.worker.snapshot = {"parts": [part], "live_at": 6}
        async with stage.client() as client:
            await client.until("lease")
            assert await client.next() == {"type": "screen", "live_at": 6}
            assert await client.next() == {"type": "size", "rows": 24, "columns": 80}
            assert await client.next() == (2, 0, b"")
            assert await client.next() == (1, 0, b"$ ls\r\n")
            stage.worker.print(b"README")
            assert await client.next() == (1, 6, b"README")


@pytest.mark.parametrize("query", ["catch_up=all", "terminal_after=0", "terminal_after=0&catch_up=all"])
async def test_every_kept_octet_comes_when_all_is_asked_for(tmp_path: Path, query: str) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.print(b"before")
        async with stage.client(query) as client:
            await client.until("lease")
            assert await client.next() == (1, 0, b"before")


async def test_all_begins_where_output_is_kept_and_an_offset_below_that_is_a_gap(tmp_path: Path) -> None:
    async with open_stage(tmp_path, terminal_keep=4 << 20) as stage:
        for _ in range(200):
            stage.worker.print(b"x" * 65_536)
        start, end = stage.worker.terminal.start, stage.worker.terminal.end
        async with stage.client("catch_up=all") as client:
            assert len(await client.output(end)) == end - start
        async with stage.client("terminal_after=5") as client:
            assert await client.until("terminal_gap") == {"type": "terminal_gap", "from": 5, "to": start}
            assert len(await client.output(end)) == end - start


async def test_an_offset_above_the_end_is_refused_and_the_stream_goes_on_live(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.print(b"12345")
        async with stage.client("terminal_after=6") as client:
            refused = await client.until("refused")
            assert (refused["id"], refused["error"]["code"], refused["error"]["end"]) == (None, "invalid", 5)
            stage.worker.print(b"6")
            assert await client.next() == {"type": "lease", "holder": None, "until": None}
            assert await client.next() == (1, 5, b"6")


async def test_a_number_above_the_last_is_refused_and_the_stream_goes_on_live(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.tell(NOTICE)
        async with stage.client("after=2&terminal_after=0") as client:
            refused = await client.until("refused")
            assert (refused["id"], refused["error"]["code"], refused["error"]["end"]) == (None, "invalid", 1)
            stage.worker.tell(NOTICE)
            assert (await client.until("event"))["seq"] == 2


async def test_a_number_that_only_the_disk_knows_is_fine(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        body = events.body_of(NOTICE, "rc")
        stage.worker.events.append(1, 1, body)  # by a worker that has not been met yet
        async with stage.client("after=1&terminal_after=0") as client:
            stage.worker.tell(NOTICE)
            await client.until("lease")
            assert (await client.next())["seq"] == 2


@pytest.mark.parametrize("mode", ["all", "screen"])
async def test_an_offset_that_only_the_disk_knows_is_no_surprise(tmp_path: Path, mode: str) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.terminal.append(0, 1, b"12345")
        stage.worker.snapshot = {"parts": [], "live_at": 5}
        async with stage.client(f"terminal_after=5&catch_up={mode}") as client:
            assert [(await client.next())["type"] for _ in range(2)] == ["hello", "lease"]


async def test_an_offset_that_only_the_disk_knows_is_fine(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.terminal.append(0, 1, b"12345")  # a muted worker tells how far it is once a second
        async with stage.client("terminal_after=5") as client:
            stage.worker.print(b"6")
            await client.until("lease")
            assert await client.next() == (1, 5, b"6")


async def test_a_session_without_a_terminal_has_no_screen_and_no_octet(tmp_path: Path) -> None:
    async with open_stage(tmp_path, "echo") as stage:
        async with stage.client() as client:
            await client.until("lease")
            stage.worker.tell(NOTICE)
            assert (await client.next())["type"] == "event"
        async with stage.client("terminal_after=1") as client:
            assert (await client.until("refused"))["error"]["code"] == "invalid"


async def test_the_history_that_we_have_is_nothing_to_talk_about(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.print(b"x")
        async with stage.client(f"after=0&terminal_after=0&history={HISTORY}") as client:
            await client.until("lease")
            assert await client.next() == (1, 0, b"x")


async def test_another_history_begins_where_ours_stands(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.worker.print(b"12345")
        stage.worker.tell(NOTICE)
        async with stage.client("after=77&terminal_after=999&history=other") as client:
            assert (await client.next())["history"] == HISTORY
            told = {"type": "history_changed", "history": HISTORY, "last_seq": 1, "terminal_offset": 5}
            assert await client.next() == told
            stage.worker.print(b"6")
            await client.next()
            assert await client.next() == (1, 5, b"6")


async def test_a_program_inside_the_session_only_looks(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client(principal=Principal("agent", SESSION)) as client:
        assert (await client.next())["role"] == "viewer"
