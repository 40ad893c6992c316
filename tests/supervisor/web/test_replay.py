"""A stream with its beginning put back."""

from __future__ import annotations

import trio

from supervisor.web.replay import Replay


async def pair() -> tuple[trio.SocketStream, trio.SocketStream]:
    ours, theirs = trio.socket.socketpair()
    return trio.SocketStream(ours), trio.SocketStream(theirs)


async def test_what_was_read_comes_first_and_then_the_line() -> None:
    ours, theirs = await pair()
    async with ours, theirs:
        await theirs.send_all(b"rest")
        stream = Replay(ours, b"head")
        assert stream.socket is ours.socket
        assert await stream.receive_some(3) == b"hea"
        assert await stream.receive_some() == b"d"
        assert await stream.receive_some(100) == b"rest"


async def test_what_the_other_side_has_taken_is_known() -> None:
    ours, theirs = await pair()
    async with ours, theirs:
        stream = Replay(ours, b"head")
        await stream.send_all(b"x" * 40_000)
        assert stream.delivered() <= 0, "it is still the kernel's"
        assert len(await theirs.receive_some(40_000)) == 40_000
        assert stream.delivered() == 40_000


async def test_what_is_sent_goes_straight_through() -> None:
    ours, theirs = await pair()
    async with theirs:
        stream = Replay(ours, b"head")
        await stream.wait_send_all_might_not_block()
        await stream.send_all(b"hello")
        await stream.send_eof()
        assert await theirs.receive_some(100) == b"hello"
        assert await theirs.receive_some(100) == b""
        await stream.aclose()
        assert ours.socket.fileno() == -1
