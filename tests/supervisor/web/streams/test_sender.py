"""The way out of a connection: at once where the kernel takes it, and never waited for by others."""

from __future__ import annotations

import json
from pathlib import Path

import trio
import trio.testing
from trio.testing import MockClock

from supervisor.web.streams.outlet import STALL_SECONDS
from supervisor.web.streams.sender import UNSAID
from tests.supervisor.core.test_clientframes import frame
from tests.supervisor.web.streams.stage import Client, open_stage, until
from tests.supervisor.web.streams.test_connection import PATH, shake_hands
from workers.core import events


async def test_what_is_new_is_on_the_line_in_the_step_that_brought_it(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.stream() as stream:
        await shake_hands(stream, PATH + "?catch_up=all")
        await trio.testing.wait_all_tasks_blocked()
        await stream.receive_some()
        stage.worker.print(b"echo")
        got = stream.socket._sock.recv(100)  # type: ignore[attr-defined]  # no step of trio's may lie between
        assert got.endswith(b"\x01" + bytes(8) + b"echo")


async def test_a_viewer_that_does_not_read_holds_up_neither_the_worker_nor_other_viewers(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.stream() as stuck, stage.client("catch_up=all") as other:
        await shake_hands(stuck)
        await other.until("lease")
        for number in range(30):
            stage.worker.print(b"x" * 60_000)
            assert await other.next() == (1, number * 60_000, b"x" * 60_000)


async def test_a_viewer_that_stops_reading_for_a_second_is_told_and_gets_the_screen(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        await client.until("screen")
        for _ in range(12):
            stage.worker.print(b"x" * 60_000)
        stage.worker.tell(events.notice("info", "hi"))
        for _ in range(2):  # in the first second the client's library takes as much as it keeps
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(STALL_SECONDS)
        await trio.testing.wait_all_tasks_blocked()
        stage.worker.snapshot = {"parts": [], "live_at": 720_000}
        behind = await client.until("behind")
        assert behind == {"type": "behind", "last_seq": 1, "terminal_offset": 720_000}
        assert await client.next() == {"type": "screen", "live_at": 720_000}
        stage.worker.print(b"live")
        assert await client.next() == (1, 720_000, b"live")


async def test_a_viewer_that_wants_all_gets_all_however_late(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage, stage.client("terminal_after=0") as client:
        await client.until("lease")
        for _ in range(50):
            stage.worker.print(b"x" * 60_000)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(STALL_SECONDS)
        assert len(await client.output(3_000_000)) == 3_000_000


async def test_a_client_that_asks_and_does_not_read_the_answers_is_read_no_further(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.stream() as stream:
        await shake_hands(stream)
        asked = 0
        ping = frame(0x81, json.dumps({"type": "ping", "id": "p" * 100}).encode())
        keys = frame(0x82, b"\x07" * 100)
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                nonlocal asked
                while True:
                    await stream.send_all((ping + keys) * 100)
                    asked += 200

            nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert UNSAID < asked < 20_000, "the line is full in both directions, and nothing is stored between"
            nursery.cancel_scope.cancel()


async def test_answers_that_waited_come_when_the_client_reads(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client("catch_up=all") as client:
        await client.until("lease")
        for _ in range(20):
            stage.worker.print(b"x" * 60_000)
        for number in range(UNSAID + 10):
            await client.tell(type="ping", id=str(number))
        await trio.testing.wait_all_tasks_blocked()
        pongs = [(await client.until("pong"))["id"] for _ in range(UNSAID + 10)]
        assert pongs == [str(number) for number in range(UNSAID + 10)]


async def read(client: Client, end: int, got: list[bytes]) -> None:
    got.append(await client.output(end))


async def test_many_viewers_get_the_same(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client("catch_up=all") as a, stage.client("catch_up=all") as b:
        got: list[bytes] = []
        async with trio.open_nursery() as nursery:
            for client in (a, b):
                nursery.start_soon(read, client, 1_500_000, got)
            await until(lambda: stage.session.hub.lookers == 2 and stage.worker.live)
            for number in range(30):
                stage.worker.print(bytes([65 + number % 26]) * 50_000)
                await trio.lowlevel.checkpoint()
        assert got[0] == got[1]
