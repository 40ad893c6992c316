"""Whole WebSocket frames as a server sends them (RFC 6455 §5.2): unmasked, unfragmented, uncompressed."""

from __future__ import annotations

import json

TEXT, BINARY, CLOSE, PING = 0x81, 0x82, 0x88, 0x89  # final frames
KEYS = 1  # the first octet of a binary message to a worker
OUTPUT, STATE = 1, 2  # the first octet of a binary message: terminal output, or the state that holds at its offset
MAX_PIECE = (256 << 10) - 9  # octets of output in one message: what is left of 256 KiB beside kind and offset

# Why a connection is closed: RFC 6455 §7.4.1, and from 4000 our own.
NORMAL, MALFORMED, NOT_UTF8, TOO_BIG, RESTARTING, REVOKED = 1000, 1002, 1007, 1009, 1012, 4401


def head(first: int, length: int) -> bytes:
    if length < 126:
        return bytes((first, length))
    if length < 1 << 16:
        return bytes((first, 126)) + length.to_bytes(2, "big")
    return bytes((first, 127)) + length.to_bytes(8, "big")


def text(body: bytes) -> bytes:
    """A text message; `body` is UTF-8."""
    return head(TEXT, len(body)) + body


def octets(kind: int, offset: int, data: bytes) -> bytes:
    """A binary message: kind, offset, terminal bytes."""
    return b"".join((head(BINARY, 9 + len(data)), bytes((kind,)), offset.to_bytes(8, "big"), data))


def keys(data: bytes) -> bytes:
    """A binary message to a remote worker: what was typed."""
    return head(BINARY, 1 + len(data)) + bytes((KEYS,)) + data


def close(code: int, reason: str = "") -> bytes:
    body = code.to_bytes(2, "big") + reason.encode()
    return head(CLOSE, len(body)) + body


def ping() -> bytes:
    return head(PING, 0)


def to_json(value: object) -> bytes:
    """A message's JSON. ASCII, because a path or a client's text may hold half of a surrogate pair."""
    return json.dumps(value, separators=(",", ":")).encode()
