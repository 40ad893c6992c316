"""One connection under Hypercorn: its writes end in time, and nothing holds it open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.trio.worker_context import WorkerContext
from starlette.types import Receive, Scope, Send

from supervisor.web.bounded import SEND_PIECE, WRITE_TIMEOUT, Bounded
from supervisor.web.head import HEAD_TIMEOUT
from tests.supervisor.web.doors import Nobody, open_door

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def two_ends() -> tuple[trio.SocketStream, trio.SocketStream]:
    ours, theirs = trio.socket.socketpair()
    for end in (ours, theirs):
        end.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_SNDBUF, 4096)
    return trio.SocketStream(ours), trio.SocketStream(theirs)


def serve(
    app: Callable[[Any, Receive, Send], Awaitable[None]], stream: trio.SocketStream, context: WorkerContext
) -> Bounded:
    return Bounded(ASGIWrapper(app), context, {}, stream)  # type: ignore[arg-type]  # two typings of ASGI


def answering(pieces: int, size: int = SEND_PIECE) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(pieces):
            await send({"type": "http.response.body", "body": b"x" * size, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


async def test_a_reader_that_is_stuck_ends_its_connection(autojump_clock: trio.testing.MockClock) -> None:
    ours, theirs = await two_ends()
    async with theirs:
        await theirs.send_all(REQUEST)
        await serve(answering(100), ours, WorkerContext(None)).run()
        assert trio.current_time() == WRITE_TIMEOUT
        assert ours.socket.fileno() == -1


async def test_a_slow_reader_is_not_a_stuck_one(autojump_clock: trio.testing.MockClock) -> None:
    ours, theirs = await two_ends()
    async with theirs, trio.open_nursery() as nursery:
        await theirs.send_all(REQUEST)
        nursery.start_soon(serve(answering(1, 6 * SEND_PIECE), ours, WorkerContext(None)).run)
        got = 0
        while got < 6 * SEND_PIECE:
            await trio.sleep(WRITE_TIMEOUT * 0.05)
            got += len(await theirs.receive_some(20_000))
        assert trio.current_time() > WRITE_TIMEOUT


async def test_cancelling_is_not_held_up_by_a_stuck_reader() -> None:
    ours, theirs = await two_ends()
    async with theirs:
        await theirs.send_all(REQUEST)
        with trio.fail_after(5), trio.move_on_after(0.05) as patience:
            await serve(answering(100), ours, WorkerContext(None)).run()
        assert patience.cancelled_caught
        await ours.aclose()


async def test_an_idle_line_ends_by_itself(autojump_clock: trio.testing.MockClock) -> None:
    ours, theirs = await two_ends()
    async with theirs:
        await theirs.send_all(REQUEST)
        await serve(answering(0), ours, WorkerContext(None)).run()
        assert trio.current_time() == HEAD_TIMEOUT


async def test_an_idle_line_ends_at_once_when_the_box_stops() -> None:
    ours, theirs = await two_ends()
    context = WorkerContext(None)
    async with theirs, trio.open_nursery() as nursery:
        nursery.start_soon(serve(answering(0), ours, context).run)
        await theirs.send_all(REQUEST)
        assert (await theirs.receive_some(9)) == b"HTTP/1.1 "
        with trio.fail_after(5):
            await context.terminated.set()
            while await theirs.receive_some(65536):
                pass


async def test_a_client_that_left_with_requests_behind_holds_nothing_open() -> None:
    ours, theirs = await two_ends()
    go_on = trio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await go_on.wait()
        await answering(3)(scope, receive, send)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve(slow, ours, WorkerContext(None)).run)
        await theirs.send_all(REQUEST * 3)
        await trio.testing.wait_all_tasks_blocked()
        await theirs.aclose()
        go_on.set()
        nursery.cancel_scope.deadline = trio.current_time() + 5
    assert not nursery.cancel_scope.cancelled_caught


async def test_an_application_that_is_cancelled_in_the_middle_ends_the_line() -> None:
    ours, theirs = await two_ends()

    async def impatient(scope: Scope, receive: Receive, send: Send) -> None:
        with trio.move_on_after(0.01):
            await answering(100)(scope, receive, send)
        await send({"type": "http.response.body", "body": b""})

    async with theirs:
        await theirs.send_all(REQUEST)
        with trio.fail_after(5):
            await serve(impatient, ours, WorkerContext(None)).run()
        assert ours.socket.fileno() == -1


async def test_the_line_of_a_client_that_has_left_ends_at_once(autojump_clock: trio.testing.MockClock) -> None:
    ours, theirs = await two_ends()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve(answering(1, 10), ours, WorkerContext(None)).run)
        async with theirs:
            await theirs.send_all(REQUEST)
            await theirs.receive_some(4096)
    assert trio.current_time() == 0.0


async def test_who_says_that_nothing_more_will_come_still_gets_the_answer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    ours, theirs = await two_ends()
    async with theirs, trio.open_nursery() as nursery:
        nursery.start_soon(serve(answering(3, 10), ours, WorkerContext(None)).run)
        await theirs.send_all(REQUEST)
        await theirs.send_eof()
        got = b""
        async for data in theirs:
            got += data
        assert got.count(b"x" * 10) == 3
        assert got.endswith(b"0\r\n\r\n")
    assert trio.current_time() == 0.0


class WithNonce(Nobody):
    def headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"dpop-nonce", b"n1")]


@pytest.mark.parametrize(
    ("octets", "code"),
    [(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "invalid"), (b"GET / HTTP/1.1\r\n", "request_timeout")],
)
async def test_what_is_refused_between_requests_carries_what_every_answer_does(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, octets: bytes, code: str
) -> None:
    async with open_door(tmp_path, sign_in=WithNonce()) as door:
        for transport, nonce in (("tcp", "n1"), ("unix", None)):
            async with door.line(transport) as line:
                assert (await line.ask("GET", "/healthz")).headers.get("dpop-nonce") == nonce
                answer = await line.raw(octets)
                assert (answer.code, answer.headers.get("dpop-nonce")) == (code, nonce)
                assert answer.headers["cache-control"] == "no-store"
