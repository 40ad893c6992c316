"""A program for one connection: its terminal, and how it ended."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from supervisor.sessions.line import Line
from tests.supervisor.web.streams.stage import SESSION, Client, Stage, open_stage, until
from workers.core.wire import Frame, Kind, Reader, json_frame
from workers.errors import Refused

PATH = f"/v1/code/sessions/{SESSION}/exec"


class Host:
    """The far end of a program's line, as its host would have it."""

    def __init__(self, line: socket.socket) -> None:
        line.setblocking(False)
        self.line = trio.socket.from_stdlib_socket(line)
        self.heard: list[Frame] = []
        self.ended = trio.Event()

    async def tell(self, frame: Frame) -> None:
        data = frame.encode()
        while data:
            data = data[await self.line.send(data) :]

    async def listen(self) -> None:
        reader = Reader()
        while data := await self.line.recv(65536):
            self.heard += reader.feed(data)
        self.ended.set()

    async def closed(self) -> None:
        while await self.line.recv(65536):
            pass


@contextlib.asynccontextmanager
async def running(directory: Path) -> AsyncIterator[tuple[Stage, Client, Host]]:
    async with open_stage(directory) as stage:
        ours, theirs = socket.socketpair()
        stage.box.executions.by_ticket["secret"] = Line(ours)
        host = Host(theirs)
        with theirs:
            async with stage.client(path=PATH, subprotocols=("rc.v1", "ticket.secret")) as client:
                yield stage, client, host


async def test_output_comes_as_from_a_terminal_and_the_exit_comes_last(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, client, host):
        assert client.websocket.subprotocol == "rc.v1"
        await host.tell(Frame(Kind.OUTPUT, 0, b"hello"))
        assert await client.next() == (1, 0, b"hello")
        await host.tell(Frame(Kind.OUTPUT, 5, b" bye"))
        await host.tell(json_frame(Kind.ANSWER, {"exit": {"code": 3, "signal": None}}))
        assert await client.next() == (1, 5, b" bye")
        assert await client.next() == {"type": "exit", "code": 3, "signal": None}
        assert await client.close_code() == 1000


async def test_keys_sizes_and_signals_reach_the_program(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, client, host):
        await client.type(b"ls\r")
        await client.command("c1", kind="resize", rows=30, columns=100)
        await client.command("c2", kind="signal", name="INT")
        assert await client.next() == {"type": "ack", "id": "c1", "seq": None}
        assert await client.next() == {"type": "ack", "id": "c2", "seq": None}
        await client.tell(type="ping", id="p")
        assert await client.next() == {"type": "pong", "id": "p"}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(host.listen)
            await until(lambda: len(host.heard) == 3)
            nursery.cancel_scope.cancel()
        assert [frame.kind for frame in host.heard] == [Kind.KEYS, Kind.COMMAND, Kind.COMMAND]
        assert host.heard[0].payload == b"ls\r"
        assert host.heard[1].json() == {"kind": "resize", "rows": 30, "columns": 100}


@pytest.mark.parametrize("frame", ["{", b"", b"\x09", '{"type":"command","id":"c1","command":{"kind":"take_lease"}}'])
async def test_anything_else_is_refused(tmp_path: Path, frame: str | bytes) -> None:
    async with running(tmp_path) as (_, client, _):
        await client.websocket.send_message(frame)
        assert (await client.next())["error"]["code"] == "invalid"
        await client.tell(type="credit", terminal_offset=0)
        await client.tell(type="ping", id="p")
        assert (await client.next())["type"] == "pong"


async def test_a_program_that_cannot_be_started_says_why(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, client, host):
        error = {"code": "launch_failed", "detail": "no such file", "hint": "look at the command"}
        await host.tell(json_frame(Kind.ANSWER, {"error": error}))
        refused = await client.next()
        assert (refused["id"], refused["error"]["code"], refused["error"]["detail"]) == (
            None,
            "launch_failed",
            "no such file",
        )
        assert await client.next() == {"type": "exit", "code": 127, "signal": None}


async def test_a_program_whose_host_is_killed_ends_with_nothing_known(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, client, host):
        await host.tell(Frame(Kind.OUTPUT, 0, b"half"))
        host.line.close()
        assert await client.next() == (1, 0, b"half")
        assert await client.next() == {"type": "exit", "code": None, "signal": None}
        assert await client.close_code() == 1000


async def test_a_host_that_talks_nonsense_ends_the_program(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, client, host):
        await host.line.send(b"\xff" * 13)
        assert (await client.next())["type"] == "exit"


async def test_a_client_that_leaves_ends_the_program(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, client, host):
        await client.websocket.aclose()
        await host.closed()


async def test_a_box_that_stops_ends_the_program(tmp_path: Path) -> None:
    async with running(tmp_path) as (stage, client, host):
        stage.box.stopping.set()
        assert (await client.next())["reason"] == "supervisor_stopping"
        assert await client.close_code() == 1012
        await host.closed()


async def test_a_client_that_does_not_read_holds_its_own_program_and_loses_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, client, host):
        sent = 0

        async def print_on() -> None:
            nonlocal sent
            for number in range(60):
                await host.tell(Frame(Kind.OUTPUT, number * 60_000, bytes([number]) * 60_000))
                sent += 1
            await host.tell(json_frame(Kind.ANSWER, {"exit": {"code": 0, "signal": None}}))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(print_on)
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert 0 < sent < 50
            assert len(await client.output(3_600_000)) == 3_600_000
        assert (await client.next())["code"] == 0


async def test_a_program_that_reads_later_holds_up_its_client_and_gets_every_key(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, client, host), trio.open_nursery() as nursery:
        sent = 0

        async def type_on() -> None:
            nonlocal sent
            for number in range(40):
                await client.type(bytes([number]) * 100_000)
                sent += 1

        nursery.start_soon(type_on)
        nursery.start_soon(host.listen)
        await trio.testing.wait_all_tasks_blocked(0.02)
        assert sent < 20
        while len(host.heard) < 40:
            await host.tell(Frame(Kind.TYPED, host.heard[-1].number))
            await trio.testing.wait_all_tasks_blocked(0.001)
        assert b"".join(frame.payload for frame in host.heard) == b"".join(bytes([n]) * 100_000 for n in range(40))
        nursery.cancel_scope.cancel()


async def test_a_client_that_leaves_while_its_keys_wait_ends_the_program(tmp_path: Path, mock_clock: MockClock) -> None:
    mock_clock.rate = 20
    async with running(tmp_path) as (_, client, host), trio.open_nursery() as nursery:
        nursery.start_soon(host.listen)
        with trio.move_on_after(1):
            while True:
                await client.type(b"x" * 100_000)
        await client.stream.aclose()
        with trio.fail_after(60):
            await host.ended.wait()
        nursery.cancel_scope.cancel()


async def test_a_ticket_that_is_not_ours_is_refused_before_the_upgrade(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.stream(PATH) as stream:
        request = "GET {} HTTP/1.1\r\nHost: box\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        rest = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        await stream.send_all((request.format(PATH) + rest).encode())
        assert await stream.receive_some() == b""
        assert stage.refusals[0].code == "unauthenticated"
        assert isinstance(stage.refusals[0], Refused)
