"""Bodies of requests."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import trio
from starlette.types import Message, Receive

from supervisor.web.body import (
    BODY_LIMIT,
    BODY_TIMEOUT,
    DISCARD_LIMIT,
    DISCARD_TIMEOUT,
    Body,
    check_media_type,
    given_back,
)
from supervisor.web.head import Head
from workers.errors import Broken, Refused


def head(**headers: str) -> Head:
    return Head("POST", "/", "/", "", tuple((name.replace("_", "-"), value) for name, value in headers.items()))


def coming(pieces: Iterable[bytes | None]) -> Receive:
    """`pieces` one by one; None is the end of the body, whatever comes after the last is silence."""
    waiting = iter(pieces)

    async def receive() -> Message:
        await trio.lowlevel.checkpoint()
        piece = next(waiting, b"")
        if piece is None:
            return {"type": "http.request", "body": b"", "more_body": False}
        if not piece:
            await trio.sleep_forever()
        return {"type": "http.request", "body": piece, "more_body": True}

    return receive


async def gone() -> Message:
    return {"type": "http.disconnect"}


async def test_a_body_in_pieces_is_read_whole() -> None:
    assert await Body(head(), coming([b"ab", b"cd", None])).read() == b"abcd"


@pytest.mark.parametrize("length", [BODY_LIMIT, BODY_LIMIT + 1])
async def test_a_body_has_its_size(length: int) -> None:
    pieces = [b"x" * (length // 2), b"x" * (length - length // 2), None]
    for told in (head(), head(content_length=str(length))):
        if length <= BODY_LIMIT:
            assert len(await Body(told, coming(pieces)).read()) == length
            continue
        with pytest.raises(Refused) as caught:
            await Body(told, coming(pieces)).read()
        assert caught.value.code == "too_large"
        assert caught.value.fields == {"limit": BODY_LIMIT}


async def test_a_last_piece_can_be_one_too_many() -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"x" * (BODY_LIMIT + 1), "more_body": False}

    with pytest.raises(Refused):
        await Body(head(), receive).read()


async def test_a_body_has_its_time(autojump_clock: trio.testing.MockClock) -> None:
    with pytest.raises(Refused) as caught:
        await Body(head(), coming([b"x"])).read()
    assert caught.value.code == "request_timeout"
    assert trio.current_time() == BODY_TIMEOUT


async def test_of_a_device_that_was_locked_out_nothing_more_is_taken() -> None:
    lock_out = trio.Event()
    body = Body(head(), coming([b"ab", b"cd", b"ef", None]))
    body.until(lock_out)
    pieces = body.pieces(BODY_LIMIT)
    assert await anext(pieces) == b"ab"
    lock_out.set()
    for taken in (anext(pieces), body.read()):
        with pytest.raises(Refused) as caught:
            await taken
        assert caught.value.code == "unauthenticated"


async def test_a_client_that_leaves_is_broken() -> None:
    with pytest.raises(Broken):
        await Body(head(), gone).read()


async def test_what_is_left_is_discarded_within_limits(autojump_clock: trio.testing.MockClock) -> None:
    body = Body(head(), coming([b"x", None]))
    await body.discard()
    await body.discard()
    assert trio.current_time() == 0
    await Body(head(), coming([b"x"])).discard()
    assert trio.current_time() == DISCARD_TIMEOUT
    piece = b"x" * (DISCARD_LIMIT // 4)
    await Body(head(), coming([piece] * 100)).discard()
    assert trio.current_time() == DISCARD_TIMEOUT


async def test_the_application_gets_it_once_more_and_then_what_comes() -> None:
    receive = given_back(b"all", gone)
    assert await receive() == {"type": "http.request", "body": b"all", "more_body": False}
    assert await receive() == {"type": "http.disconnect"}


def test_only_json_is_taken_where_there_is_a_body() -> None:
    check_media_type(head(), b"")
    check_media_type(head(content_type="Application/JSON; charset=utf-8"), b"{}")
    for media_type in ("text/json", "application/x-www-form-urlencoded", "application/problem+json", ""):
        with pytest.raises(Refused):
            check_media_type(head(content_type=media_type), b"{}")
    with pytest.raises(Refused):
        check_media_type(head(), b"{}")
