"""A line of frames, over a real socket pair."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing

from supervisor.sessions.line import MAX_UNSENT, Clogged, Line
from workers.core.wire import MAX_PAYLOAD, Frame, Kind, Reader
from workers.errors import Broken

Ends = tuple[Line, socket.socket]


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    """Our line and the socket of its peer."""
    ours, theirs = socket.socketpair()
    line = Line(ours)
    yield line, theirs
    line.close()
    theirs.close()


def clog(line: Line) -> None:
    """Send until something has to wait for the peer."""
    while not line.is_clogged:
        line.send(Frame(Kind.KEYS, payload=b"x" * 60_000))


async def test_what_the_peer_did_not_take_at_once_goes_out_when_it_reads(ends: Ends) -> None:
    line, peer = ends
    clog(line)
    line.send(Frame(Kind.PING, 7))
    reader, kinds = Reader(), list[Kind]()
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(peer.dup()))
    async with trio.open_nursery() as nursery, stream:
        nursery.start_soon(line.flush_forever)
        while Kind.PING not in kinds:
            kinds += [frame.kind for frame in reader.feed(await stream.receive_some(1 << 20))]
        nursery.cancel_scope.cancel()
    assert not line.is_clogged


async def test_a_peer_that_does_not_read_gets_no_more_and_what_it_got_is_whole(ends: Ends) -> None:
    line, peer = ends
    sent = 0
    with pytest.raises(Clogged, match="does not read"):
        while True:
            line.send(Frame(Kind.KEYS, sent, b"x" * 60_000))
            sent += 1
    assert sent * 60_000 > MAX_UNSENT - 60_000
    stream, reader, numbers = trio.SocketStream(trio.socket.from_stdlib_socket(peer.dup())), Reader(), list[int]()
    async with trio.open_nursery() as nursery, stream:
        nursery.start_soon(line.flush_forever)
        while len(numbers) < sent:
            numbers += [frame.number for frame in reader.feed(await stream.receive_some(1 << 20))]
        await line.wait_clear()
        nursery.cancel_scope.cancel()
    assert numbers == list(range(sent))
    line.send(Frame(Kind.KEYS))


async def test_one_frame_goes_however_little_the_peer_has_room_for(ends: Ends) -> None:
    line, _ = ends
    line.send(Frame(Kind.KEYS, payload=b"x" * MAX_PAYLOAD))
    assert line.is_clogged


async def test_who_waits_for_a_clear_line_goes_on_when_it_is_closed(ends: Ends) -> None:
    line, _ = ends
    await line.wait_clear()
    clog(line)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(line.wait_clear)
        await trio.testing.wait_all_tasks_blocked()
        line.close()


async def test_closing_ends_whoever_still_sends_and_whoever_reads(ends: Ends) -> None:
    line, _ = ends
    clog(line)
    told: list[str] = []

    async def send() -> None:
        with pytest.raises(Broken):
            await line.flush_forever()
        told.append("sender")

    async def read() -> None:
        assert not await line.receive()
        told.append("reader")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        line.close()
    assert sorted(told) == ["reader", "sender"]


async def test_a_line_that_is_closed_before_its_sender_gets_to_it_is_broken(ends: Ends) -> None:
    line, _ = ends
    clog(line)
    line.close()
    with pytest.raises(Broken):
        await line.flush_forever()


async def test_a_frame_is_read_alone_and_what_came_with_it_stays(ends: Ends) -> None:
    line, peer = ends
    peer.send(Frame(Kind.PONG, 1).encode() + Frame(Kind.PONG, 2).encode())
    assert (await line.next_frame()).number == 1
    assert (await line.next_frame()).number == 2
    peer.shutdown(socket.SHUT_WR)
    with pytest.raises(Broken, match="ended"):
        await line.next_frame()
