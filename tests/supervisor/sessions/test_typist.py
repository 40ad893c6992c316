"""Keys keep their order on both ways, and wait where nobody reads them."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trio.testing

from supervisor.sessions.line import Clogged, Line
from supervisor.sessions.link import Link
from supervisor.sessions.typist import MOST, ROOM, ROOM_SECONDS
from tests.supervisor.sessions.test_link import frames_at, linked
from workers.core.wire import Frame, Kind, Reader


@asynccontextmanager
async def with_a_terminal() -> AsyncIterator[tuple[Link, socket.socket, socket.socket]]:
    """A link whose worker has lent a terminal, the worker's end of it, and what reads the terminal."""
    async with linked() as (link, worker):
        lent, program = socket.socketpair()
        lent.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        for end in (lent, program):
            end.setblocking(False)
        with lent, program:
            socket.send_fds(worker, [Frame(Kind.LIVE, 0).encode()], [lent.fileno()])
            await trio.testing.wait_all_tasks_blocked(0.01)
            yield link, worker, program


async def test_keys_go_straight_to_a_terminal_that_is_lent() -> None:
    async with with_a_terminal() as (link, worker, program):
        link.typist.type(b"ls")
        assert program.recv(100) == b"ls"
        with pytest.raises(BlockingIOError):
            frames_at(worker)


async def test_keys_behind_a_command_wait_until_the_worker_has_carried_it_out() -> None:
    async with with_a_terminal() as (link, worker, program):
        link.ask(Kind.COMMAND, {"kind": "prompt"})
        link.typist.type(b"a")
        asked = frames_at(worker)
        assert [(each.kind, each.payload) for each in asked[1:]] == [(Kind.KEYS, b""), (Kind.KEYS, b"a")]
        worker.send(Frame(Kind.TYPED, asked[1].number).encode())
        await trio.testing.wait_all_tasks_blocked(0.01)
        link.typist.type(b"b")  # the worker has not said that `a` is typed
        assert [each.payload for each in frames_at(worker)] == [b"b"]
        worker.send(Frame(Kind.TYPED, asked[2].number + 1).encode())
        await trio.testing.wait_all_tasks_blocked(0.01)
        link.typist.type(b"c")
        assert program.recv(100) == b"c"


async def test_what_a_terminal_does_not_take_goes_to_the_worker_in_its_order() -> None:
    async with with_a_terminal() as (link, worker, program):
        keys = bytes(range(256)) * 256
        link.typist.type(keys)
        link.typist.type(b"behind")
        straight = b""
        with suppress(BlockingIOError):
            while True:
                straight += program.recv(1 << 20)
        over_link = b"".join(each.payload for each in frames_at(worker))
        assert 0 < len(straight) < len(keys)
        assert straight + over_link == keys + b"behind"


async def test_a_program_that_is_gone_leaves_its_keys_to_the_worker() -> None:
    async with with_a_terminal() as (link, worker, program):
        program.close()
        link.typist.type(b"x")
        assert [each.payload for each in frames_at(worker)] == [b"x"]


async def test_a_terminal_that_is_given_back_is_closed() -> None:
    async with with_a_terminal() as (link, worker, program):
        link.give_back()
        link.typist.type(b"x")
        assert [each.payload for each in frames_at(worker)] == [b"x"]
        with pytest.raises(BlockingIOError):
            program.recv(1)  # the worker still has it


async def test_whoever_types_more_than_the_program_reads_waits_for_it() -> None:
    async with linked() as (link, worker), trio.open_nursery() as nursery:
        link.typist.type(b"x" * ROOM)
        assert not link.typist.has_room
        nursery.start_soon(link.typist.wait_room)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert nursery.child_tasks
        worker.send(Frame(Kind.TYPED, 1).encode())
    assert link.typist.has_room


async def test_nobody_waits_for_ever(autojump_clock: trio.testing.MockClock) -> None:
    ours, theirs = socket.socketpair()
    link = Link(Line(ours), {})
    with theirs:
        link.typist.type(b"x" * ROOM)
        await link.typist.wait_room()
        assert trio.current_time() == ROOM_SECONDS
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link.typist.wait_room)
            await trio.testing.wait_all_tasks_blocked()
            link.close()
        assert trio.current_time() == ROOM_SECONDS


async def test_behind_a_gap_nothing_is_typed_until_all_before_it_was_read() -> None:
    async with linked() as (link, worker), trio.open_nursery() as nursery:
        nursery.start_soon(link.flush_forever)
        link.typist.type(b"x" * MOST)
        with pytest.raises(Clogged):
            link.typist.type(b"lost")
        link.ask(Kind.COMMAND, {"kind": "interrupt"})  # people may still end it
        with pytest.raises(Clogged):
            link.typist.type(b"y")
        worker.send(Frame(Kind.TYPED, 2).encode())
        while not link.typist.has_room:
            await trio.testing.wait_all_tasks_blocked()
        link.typist.type(b"z")
        reader, typed = Reader(), b""
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(worker.dup()))
        async with stream:
            while not typed.endswith(b"z"):
                frames = reader.feed(await stream.receive_some(1 << 20))
                typed += b"".join(each.payload for each in frames if each.kind is Kind.KEYS)
        assert typed == b"x" * MOST + b"z"
        nursery.cancel_scope.cancel()
