"""The body of a request: read whole under a limit and a deadline before anything acts on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import trio
from starlette.types import Message, Receive

from supervisor.web.head import Head
from workers.errors import Broken, Refused

BODY_LIMIT = 1 << 20  # octets; the longest prompt is a fraction of it
BODY_TIMEOUT = 30.0  # seconds for 1 MiB: 280 kbit/s
DISCARD_LIMIT = 16 << 20  # octets of a refused body still read, since many clients read no answer before all is sent
DISCARD_TIMEOUT = 2.0  # seconds of the same


class Body:
    """What follows `head`, by way of an ASGI `receive`."""

    def __init__(self, head: Head, receive: Receive) -> None:
        self._told = int(head.header("content-length") or 0)
        self._receive = receive
        self._read = bytearray()
        self._ended = False
        self._lock_out: trio.Event | None = None

    def until(self, lock_out: trio.Event | None) -> None:
        """Take nothing of it any more once this is set: who may come in when a request begins may be locked out before
        it is whole, and could else keep some of them begun for that day."""
        self._lock_out = lock_out

    async def read(self) -> bytes:
        """All of it. Raises Refused (`too_large`, `request_timeout`, `unauthenticated`), or Broken when the client
        leaves."""
        try:
            with trio.fail_after(BODY_TIMEOUT):
                while not self._ended:
                    if max(self._told, len(self._read)) > BODY_LIMIT:
                        raise _too_large()
                    self._read += await self._next()
                    self._check()
        except trio.TooSlowError:
            raise Refused("request_timeout", f"no whole body came within {BODY_TIMEOUT:.0f} s", "try again") from None
        if len(self._read) > BODY_LIMIT:
            raise _too_large()
        return bytes(self._read)

    async def pieces(self, limit: int) -> AsyncIterator[bytes]:
        """One after the other as they come, up to `limit` octets in all. Raises like `read`, whose deadline counts
        for each of them."""
        size = 0
        while not self._ended:
            if max(self._told, size) > limit:
                raise _too_large(limit)
            try:
                with trio.fail_after(BODY_TIMEOUT):
                    piece = await self._next()
            except trio.TooSlowError:
                detail = f"nothing came for {BODY_TIMEOUT:.0f} s"
                raise Refused("request_timeout", detail, "try again") from None
            self._check()
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            yield piece

    async def discard(self) -> None:
        """Read on for a while what nobody wants, so that a refusal finds a client that listens."""
        size = 0
        with trio.move_on_after(DISCARD_TIMEOUT):
            while not self._ended and size <= DISCARD_LIMIT:
                size += len(await self._next())

    def _check(self) -> None:
        if self._lock_out is not None and self._lock_out.is_set():
            detail = "this device was locked out before the request was whole"
            raise Refused("unauthenticated", detail, "pair it anew: rc pair at the box")

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Broken("the client left before its request was whole")
        self._ended = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece


def given_back(body: bytes, receive: Receive) -> Receive:
    """A `receive` for an application that reads the body itself: first `body`, then whatever comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def check_media_type(head: Head, body: bytes) -> None:
    """Raises Refused(`unsupported_media_type`) for a body that does not say it is JSON."""
    media_type = (head.header("content-type") or "").partition(";")[0].strip().lower()
    if body and media_type != "application/json":
        raise Refused("unsupported_media_type", "only JSON is taken here", "send Content-Type: application/json")


def _too_large(limit: int = BODY_LIMIT) -> Refused:
    return Refused("too_large", f"a body takes at most {limit} octets", "send less at a time", limit=limit)
