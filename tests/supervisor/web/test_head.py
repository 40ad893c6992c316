"""Reading the head of a request."""

from __future__ import annotations

import pytest
import trio

from supervisor.web.head import HEAD_LIMIT, HEAD_TIMEOUT, Head, read_head, refuse_large
from workers.errors import Refused


async def read(*pieces: bytes, then_close: bool = True) -> tuple[Head, bytes] | None:
    ours, theirs = trio.testing.memory_stream_pair()
    for piece in pieces:
        await theirs.send_all(piece)
    if then_close:
        await theirs.send_eof()
    return await read_head(ours)


async def test_a_head_tells_method_path_query_and_headers() -> None:
    raw = b"get /a%20b/c?x=1&y=%2F HTTP/1.1\r\nHost: Box\r\nX-A: 1\r\nX-a: 2\r\n\r\nbody"
    read_back = await read(raw)
    assert read_back is not None
    head, octets = read_back
    assert octets == raw
    assert (head.method, head.target, head.path) == ("GET", "/a%20b/c?x=1&y=%2F", "/a b/c")
    assert head.query == "x=1&y=%2F"
    assert (head.header("host"), head.values("x-a"), head.header("cookie")) == ("Box", ["1", "2"], None)
    assert not head.asks_for_websocket


async def test_a_head_may_come_in_pieces() -> None:
    read_back = await read(b"GET / HT", b"TP/1.1\r\nHost: a\r\n", b"Upgrade: WebSocket\r\n\r\n")
    assert read_back is not None
    assert read_back[0].asks_for_websocket


@pytest.mark.parametrize("pieces", [(), (b"GET / HTTP/1.1\r\n",)])
async def test_a_peer_that_leaves_gets_no_answer(pieces: tuple[bytes, ...]) -> None:
    assert await read(*pieces) is None


async def test_a_peer_that_breaks_off_gets_no_answer() -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    await trio.aclose_forcefully(ours)
    assert await read_head(ours) is None
    await theirs.aclose()


async def test_a_head_has_its_time(autojump_clock: trio.testing.MockClock) -> None:
    with pytest.raises(Refused) as caught:
        await read(b"GET / HTTP/1.1\r\n", then_close=False)
    assert caught.value.code == "request_timeout"
    assert trio.current_time() == pytest.approx(HEAD_TIMEOUT, abs=1e-6) or trio.current_time() > HEAD_TIMEOUT


@pytest.mark.parametrize("size", [HEAD_LIMIT - 100, HEAD_LIMIT])
async def test_a_head_has_its_size(size: int) -> None:
    raw = b"GET /" + b"x" * size + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    if size < HEAD_LIMIT:
        assert await read(raw) is not None
        return
    with pytest.raises(Refused) as caught:
        await read(raw)
    assert caught.value.code == "head_too_large"


async def test_what_is_no_http_is_invalid() -> None:
    with pytest.raises(Refused) as caught:
        await read(b"\x16\x03\x01\x02\x00")
    assert caught.value.code == "invalid"


def test_a_head_that_somebody_else_read_has_the_same_size() -> None:
    scope = {"method": "POST", "raw_path": b"/x", "query_string": b"q=1", "headers": [(b"host", b"a")]}
    head = Head.of_scope(scope)
    assert (head.method, head.target, head.query) == ("POST", "/x?q=1", "q=1")
    refuse_large(head)
    with pytest.raises(Refused):
        refuse_large(Head.of_scope({**scope, "headers": [(b"a", b"x" * HEAD_LIMIT)]}))
    assert Head.of_scope({"raw_path": b"/ws", "query_string": b"", "headers": []}).target == "/ws"


def test_a_repr_shows_no_header_since_sign_ins_are_headers() -> None:
    head = Head("GET", "/x", "/x", "", (("authorization", "DPoP secret"), ("sec-websocket-protocol", "ticket.secret")))
    assert "'/x'" in repr(head) and "secret" not in repr(head)
