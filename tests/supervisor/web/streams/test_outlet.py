"""The line of a WebSocket: whole frames out without waiting, keys in by the short way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from supervisor.web.streams.outlet import SEALED, STALL_SECONDS, WRITE_SECONDS, Outlet
from supervisor.web.tls import TlsStream
from tests.supervisor.core.test_clientframes import frame, keys
from tests.supervisor.web.doors import server_context, trusting_context

Peer = trio.SocketStream | trio.SSLStream[trio.SocketStream]
REQUEST = b"GET / HTTP/1.1\r\n\r\n"


@asynccontextmanager
async def line(head: bytes = REQUEST) -> AsyncIterator[tuple[Outlet, trio.SocketStream]]:
    near, far = trio.socket.socketpair()
    near.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_SNDBUF, 64 * 1024)
    async with trio.SocketStream(far) as peer:
        outlet = Outlet(trio.SocketStream(near), head)
        try:
            yield outlet, peer
        finally:
            near.close()


@asynccontextmanager
async def sealed_line(directory: Path, behind: bytes = b"") -> AsyncIterator[tuple[Outlet, Peer]]:
    """The same under TLS; the client has sent `behind` with its request."""
    async with line_of_tls() as (near, far):
        server = TlsStream(near, server_context(directory))
        peer = trio.SSLStream(far, trusting_context(), server_hostname="localhost")
        async with trio.open_nursery() as shaking:
            shaking.start_soon(server.do_handshake)
            shaking.start_soon(peer.do_handshake)
        await peer.send_all(REQUEST + behind)
        assert await server.receive_some(len(REQUEST)) == REQUEST
        yield Outlet(server, REQUEST), peer


@asynccontextmanager
async def line_of_tls() -> AsyncIterator[tuple[trio.SocketStream, trio.SocketStream]]:
    near, far = trio.socket.socketpair()
    near.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_SNDBUF, 64 * 1024)
    async with trio.SocketStream(near) as server, trio.SocketStream(far) as client:
        yield server, client


async def read(peer: Peer, size: int) -> bytes:
    got = b""
    while len(got) < size:
        data = await peer.receive_some()
        assert data
        got += data
    return got


def fill(outlet: Outlet) -> list[bytes]:
    """Push until no more goes: the frames that were committed."""
    sent: list[bytes] = []
    while True:
        frames = [bytes([65 + len(sent) % 26]) * 30_000]
        if not outlet.push(frames):
            return sent
        sent += frames
        if not outlet.is_clear:
            return sent


async def test_what_the_kernel_takes_goes_at_once() -> None:
    async with line() as (outlet, peer):
        assert outlet.push([b"one", b"two"]) == 2
        assert outlet.is_clear
        assert await read(peer, 6) == b"onetwo"


async def test_a_frame_that_went_in_part_is_finished_before_anything_else() -> None:
    async with line() as (outlet, peer):
        sent = fill(outlet)
        assert outlet.push([b"later"]) == 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outlet.send_all, b"pong")
            whole = b"".join(sent) + b"pong"
            assert await read(peer, len(whole)) == whole
        assert outlet.is_clear


async def test_nobody_pushes_between_while_a_frame_is_being_finished() -> None:
    async with line() as (outlet, peer):
        sent = b"".join(fill(outlet))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outlet.wait_room)
            await trio.testing.wait_all_tasks_blocked()
            assert outlet.push([b"x"]) == 0
            assert await read(peer, len(sent)) == sent
        assert outlet.push([b"x"]) == 1


async def test_a_second_without_progress_is_noticed_and_a_minute_is_the_end(mock_clock: MockClock) -> None:
    async with line() as (outlet, _):
        fill(outlet)
        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                with pytest.raises(trio.BrokenResourceError, match="does not read"):
                    while True:
                        await outlet.wait_room()

            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            assert not outlet.stalled
            mock_clock.jump(STALL_SECONDS)
            await trio.testing.wait_all_tasks_blocked()
            assert outlet.stalled
            mock_clock.jump(WRITE_SECONDS - STALL_SECONDS)


async def test_a_peer_that_reads_slowly_gets_on(mock_clock: MockClock) -> None:
    async with line() as (outlet, peer):
        sent = b"".join(fill(outlet))
        got = b""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outlet.send_all, b"the end")
            while nursery.child_tasks:
                await trio.testing.wait_all_tasks_blocked()
                got += await peer.receive_some(40_000)
                mock_clock.jump(STALL_SECONDS)
                assert not outlet.stalled
        got += await read(peer, len(sent) + 7 - len(got))
        assert got == sent + b"the end"


async def test_a_peer_that_is_gone_breaks_the_line_and_never_the_pusher() -> None:
    async with line() as (outlet, peer):
        await peer.aclose()
        assert outlet.push([b"x"]) == 0
        with pytest.raises(trio.BrokenResourceError):
            await outlet.send_all(b"x")


async def test_a_closed_line_takes_nothing() -> None:
    async with line() as (outlet, _):
        await outlet.receive_some()
        await outlet.aclose()
        assert outlet.push([b"x"]) == 0
        for work in (outlet.wait_room, outlet.receive_some, outlet.wait_send_all_might_not_block):
            with pytest.raises(trio.ClosedResourceError):
                await work()
        with pytest.raises(trio.ClosedResourceError):
            await outlet.send_all(b"x")


async def test_who_waits_for_room_on_a_line_that_is_closed_meanwhile_is_told(mock_clock: MockClock) -> None:
    async with line() as (outlet, _):
        fill(outlet)
        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                with pytest.raises(trio.ClosedResourceError):
                    await outlet.wait_room()

            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            await outlet.aclose()
            mock_clock.jump(STALL_SECONDS)


async def test_the_last_word_follows_what_was_begun(mock_clock: MockClock) -> None:
    async with line() as (outlet, peer):
        sent = b"".join(fill(outlet))
        await outlet.aclose()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outlet.say_last, b"last")
            assert await read(peer, len(sent) + 4) == sent + b"last"
        await peer.aclose()
        await outlet.say_last(b"to nobody")


async def test_a_broken_line_says_so_when_read() -> None:
    near, far = trio.socket.socketpair()
    outlet = Outlet(trio.SocketStream(near), REQUEST)
    await outlet.receive_some()
    assert outlet.push([b"unread"]) == 1
    far.close()  # with something unread: the kernel resets
    with pytest.raises(trio.BrokenResourceError):
        await outlet.receive_some()
    await outlet.aclose()
    near.close()


async def test_keys_take_the_short_way_and_the_rest_goes_to_the_library() -> None:
    async with line() as (outlet, peer):
        taken: list[bytes] = []
        outlet.take_keys = taken.append
        assert await outlet.receive_some() == REQUEST
        text = frame(0x81, b"{}")
        await peer.send_all(keys(b"a") + text)
        assert await outlet.receive_some() == text
        assert taken == [b"a"]
        await peer.send_all(keys(b"b"))
        assert await outlet.receive_some() == keys(b"b"), "the text is not done with"
        outlet.done()
        outlet.done()
        await peer.send_all(keys(b"c"))
        await peer.send_eof()
        assert await outlet.receive_some() == b""
        assert taken == [b"a", b"c"]


async def test_frames_that_came_with_the_request_are_counted() -> None:
    async with line(REQUEST + keys(b"a")) as (outlet, peer):
        taken: list[bytes] = []
        outlet.take_keys = taken.append
        assert await outlet.receive_some() == REQUEST + keys(b"a")
        await peer.send_all(keys(b"b"))
        assert await outlet.receive_some() == keys(b"b")
        assert taken == []


async def test_what_still_comes_can_be_thrown_away() -> None:
    async with line() as (outlet, peer):
        await peer.send_all(b"too late")
        assert await outlet.drain() == b"too late"
        assert await peer.receive_some() == b""
        await peer.aclose()
        assert await outlet.drain() == b""


async def test_under_tls_frames_leave_sealed_and_at_once(tmp_path: Path) -> None:
    async with sealed_line(tmp_path) as (outlet, peer):
        assert outlet.push([b"one", b"two"]) == 2
        assert outlet.is_clear
        assert await read(peer, 6) == b"onetwo"
        await outlet.aclose()
        assert outlet.push([b"x"]) == 0


async def test_under_tls_no_more_is_sealed_at_once_than_can_be_taken_back_by_waiting(tmp_path: Path) -> None:
    async with sealed_line(tmp_path) as (outlet, peer):
        assert outlet.push([b"a" * (SEALED // 2)] * 4) == 2
        assert await read(peer, SEALED) == b"a" * SEALED
        assert outlet.push([b"b" * 8 * SEALED, b"c"]) == 1  # a frame goes whole
        assert not outlet.is_clear
        assert outlet.push([b"c"]) == 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outlet.wait_room)
            assert await read(peer, 8 * SEALED) == b"b" * 8 * SEALED


async def test_under_tls_what_was_begun_is_finished_before_anything_else(tmp_path: Path) -> None:
    async with sealed_line(tmp_path) as (outlet, peer):
        sent = fill(outlet)
        assert outlet.push([b"later"]) == 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outlet.send_all, b"pong")
            whole = b"".join(sent) + b"pong"
            assert await read(peer, len(whole)) == whole
        assert outlet.push([b"later"]) == 1
        assert await read(peer, 5) == b"later"


async def test_under_tls_a_wait_that_was_given_up_loses_nothing(tmp_path: Path) -> None:
    async with sealed_line(tmp_path) as (outlet, peer):
        sent = b"".join(fill(outlet))
        with trio.move_on_after(0.01):
            await outlet.send_all(b"never begun")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outlet.send_all, b"!")
            assert await read(peer, len(sent) + 1) == sent + b"!"


async def test_under_tls_keys_take_the_short_way(tmp_path: Path) -> None:
    async with sealed_line(tmp_path, behind=keys(b"z")) as (outlet, peer):
        taken: list[bytes] = []
        outlet.take_keys = taken.append
        assert await outlet.receive_some() == REQUEST + keys(b"z")  # unsealed with the request, and not lost
        outlet.done()
        await peer.send_all(keys(b"a") + frame(0x81, b"{}"))
        assert await outlet.receive_some() == frame(0x81, b"{}")
        assert taken == [b"a"]
        with trio.move_on_after(0.05):
            await peer.aclose()
        assert await outlet.receive_some() == b""
        assert await outlet.receive_some() == b""


async def test_under_tls_the_last_word_follows_what_was_begun(tmp_path: Path) -> None:
    async with sealed_line(tmp_path) as (outlet, peer):
        sent = b"".join(fill(outlet))
        await outlet.aclose()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outlet.say_last, b"last")
            assert await read(peer, len(sent) + 4) == sent + b"last"
        await peer.send_all(b"too late")
        assert await outlet.drain() == b"too late"
        assert await peer.receive_some() == b""


async def test_under_tls_a_peer_that_is_gone_breaks_the_line_and_never_the_pusher(tmp_path: Path) -> None:
    async with sealed_line(tmp_path) as (outlet, peer):
        assert isinstance(peer, trio.SSLStream)
        await peer.transport_stream.aclose()
        assert outlet.push([b"x"]) == 1
        assert not outlet.is_clear
        with pytest.raises(trio.BrokenResourceError):
            await outlet.wait_room()


async def test_where_input_is_counted_nothing_is_read_until_there_is_room_for_what_was(mock_clock: MockClock) -> None:
    near, far = trio.socket.socketpair()
    asked: list[float] = []

    def count(messages: float) -> float:
        asked.append(messages)
        return 0.0 if len(asked) % 2 == 0 else 5.0

    async with trio.SocketStream(near) as stream, trio.SocketStream(far) as peer, trio.open_nursery() as nursery:
        outlet = Outlet(stream, REQUEST, count)
        await outlet.receive_some()
        taken: list[bytes] = []
        outlet.take_keys = taken.append
        nursery.start_soon(outlet.receive_some)
        await peer.send_all(keys(b"a") + keys(b"b"))
        await trio.testing.wait_all_tasks_blocked()
        assert taken == [b"a", b"b"] and 2 < asked[0] < 3
        await peer.send_all(frame(0x81, b"{}"))
        await trio.testing.wait_all_tasks_blocked()
        assert len(asked) == 1
        mock_clock.jump(5)
        await trio.testing.wait_all_tasks_blocked()
        assert asked[1] == asked[0] and 1 < asked[2] < 2  # and now the text, for which there is no room either
        mock_clock.jump(5)
