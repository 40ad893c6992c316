"""How what a session's reader gets is put on the wire: as WebSocket frames, or as server-sent events."""

from __future__ import annotations

import base64
from typing import Protocol

from supervisor.core import frames
from supervisor.sessions.hub import Chunk
from supervisor.web.problems import to_json

Place = tuple[int, int]  # (seq, terminal offset) up to which a reader has everything


class Dialect(Protocol):
    """`place` is where the reader stands after this piece; None where it cannot be resumed from there."""

    def text(self, body: bytes, place: Place | None) -> bytes: ...

    def output(self, chunk: Chunk, place: Place | None) -> bytes: ...

    def octets(self, kind: int, offset: int, data: bytes, place: Place | None) -> bytes: ...


class WebSocketDialect:
    """Text and binary frames. Output that many get is the same object for all of them."""

    def text(self, body: bytes, place: Place | None) -> bytes:
        return frames.text(body)

    def output(self, chunk: Chunk, place: Place | None) -> bytes:
        return chunk.frame

    def octets(self, kind: int, offset: int, data: bytes, place: Place | None) -> bytes:
        return frames.octets(kind, offset, data)


class SseDialect:
    """Events of `text/event-stream`. The state in a snapshot is a type of its own: it is no output."""

    def text(self, body: bytes, place: Place | None) -> bytes:
        # One line, because JSON on the wire holds no line break.
        where = b"id: %d:%d\n" % place if place else b""
        return b"%sdata: %s\n\n" % (where, body)

    def output(self, chunk: Chunk, place: Place | None) -> bytes:
        return self.octets(frames.OUTPUT, chunk.offset, chunk.octets(chunk.offset, chunk.end), place)

    def octets(self, kind: int, offset: int, data: bytes, place: Place | None) -> bytes:
        told = "terminal" if kind == frames.OUTPUT else "terminal_state"
        text = base64.b64encode(data).decode("ascii")
        return self.text(to_json({"type": told, "offset": offset, "data": text}), place)
