"""The head of a request: what the first lines of a connection say, read under a deadline and a size limit."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import h11
import trio

from workers.errors import Refused

HEAD_LIMIT = 16 * 1024  # octets; browsers send 1 to 4 KiB, most servers stop at 8 or 16
HEAD_TIMEOUT = 10.0  # seconds; a phone on a bad line needs 2, a head dripped on purpose never ends


@dataclass(frozen=True, slots=True)
class Head:
    """One request without its body. `path` is decoded and without the query, `headers` have lower-case names.

    A repr leaves out what is secret in some requests: sign-ins and tickets are headers.
    """

    method: str
    target: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)

    @classmethod
    def of(cls, method: bytes, target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Head:
        path, _, query = target.partition(b"?")
        named = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers)
        return cls(
            method=method.decode("ascii").upper(),
            target=target.decode("ascii"),
            path=unquote(path.decode("ascii")),
            query=query.decode("ascii"),
            headers=named,
        )

    @classmethod
    def of_scope(cls, scope: MutableMapping[str, Any]) -> Head:
        """The head of a request that the ASGI server has parsed."""
        query: bytes = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        return cls.of(scope.get("method", "GET").encode(), target, scope["headers"])

    def values(self, name: str) -> list[str]:
        """Every value that a header (lower case) was sent with."""
        return [value for known, value in self.headers if known == name]

    def header(self, name: str) -> str | None:
        """The first of these, None where the header was not sent."""
        return next(iter(self.values(name)), None)

    @property
    def size(self) -> int:
        """About the octets it took on the wire."""
        return len(self.target) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    @property
    def asks_for_websocket(self) -> bool:
        return any(value.strip().lower() == "websocket" for value in self.values("upgrade"))


def refuse_large(head: Head) -> None:
    """The size limit for a head that somebody else has read. Raises Refused(`head_too_large`)."""
    if head.size > HEAD_LIMIT:
        raise _too_large()


async def read_head(stream: trio.abc.ReceiveStream) -> tuple[Head, bytes] | None:
    """The head and every octet that was read for it (some of the body may be among them); None when the peer left.

    Raises Refused: `request_timeout`, `head_too_large`, `invalid` for what is not HTTP/1.1.
    """
    try:
        with trio.fail_after(HEAD_TIMEOUT):
            return await _read(stream)
    except trio.TooSlowError:
        raise Refused(
            "request_timeout", f"no whole request came within {HEAD_TIMEOUT:.0f} s", "send the head at once"
        ) from None
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return None


async def _read(stream: trio.abc.ReceiveStream) -> tuple[Head, bytes] | None:
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=2 * HEAD_LIMIT)  # never reached: we count ourselves
    raw = b""
    while len(raw) < HEAD_LIMIT:
        data = await stream.receive_some(HEAD_LIMIT - len(raw))
        if not data:
            return None
        raw += data
        try:
            parser.receive_data(bytes(data))
            event = parser.next_event()
        except h11.RemoteProtocolError as error:
            raise malformed(error) from error
        if isinstance(event, h11.Request):
            return Head.of(event.method, event.target, event.headers), raw
    raise _too_large()


def malformed(error: h11.RemoteProtocolError) -> Refused:
    """What to tell a peer that broke HTTP."""
    if error.error_status_hint == 431:
        return _too_large()
    return Refused("invalid", f"this is no HTTP/1.1 request: {error}", "send one")


def _too_large() -> Refused:
    return Refused("head_too_large", f"the head takes at most {HEAD_LIMIT} octets", "send fewer or shorter headers")
