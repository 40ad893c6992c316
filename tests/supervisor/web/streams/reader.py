"""A reader of a session on the stage, in a dialect that people can read."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from supervisor.core import frames
from supervisor.sessions.hub import Chunk
from supervisor.web.streams.dialect import Place
from supervisor.web.streams.session_cursor import Cursor
from tests.supervisor.web.streams.stage import Stage, until


class Plain:
    """A dialect that leaves everything readable: texts as they are, octets as kind, offset and data."""

    def text(self, body: bytes, place: Place | None) -> bytes:
        return body

    def output(self, chunk: Chunk, place: Place | None) -> bytes:
        return self.octets(frames.OUTPUT, chunk.offset, chunk.octets(chunk.offset, chunk.end), place)

    def octets(self, kind: int, offset: int, data: bytes, place: Place | None) -> bytes:
        return b"%d %d %s" % (kind, offset, data)


@dataclass
class Reader:
    """Reads a cursor to the end of what there is."""

    stage: Stage
    cursor: Cursor
    got: list[Any] = field(default_factory=list)

    async def read(self, room: int = 1 << 40) -> list[Any]:
        """Everything until there is nothing left or `room` pieces went out, as objects and (kind, offset, data)."""
        self.got = []
        while True:
            batch = self.cursor.batch()
            count = min(len(batch.pieces), room - len(self.got))
            self.got += [_shown(piece) for piece in batch.pieces[:count]]
            self.cursor.advance(batch, count)
            if self.cursor.is_done(batch, count) or len(self.got) >= room:
                return self.got
            if not batch.pieces:
                await self.cursor.fetch()

    @property
    def output(self) -> bytes:
        return b"".join(piece[2] for piece in self.got if isinstance(piece, tuple))


def _shown(piece: bytes) -> Any:
    if piece.startswith(b"{"):
        return json.loads(piece)
    kind, offset, data = piece.split(b" ", 2)
    return int(kind), int(offset), data


@asynccontextmanager
async def reading(stage: Stage, seq: int = 0, offset: int = 0, *, wants_all: bool = True) -> AsyncIterator[Reader]:
    """A reader that has said hello to nobody and been told of the lease."""
    cursor = Cursor(stage.session, Plain(), stage.clock, wants_all=wants_all)
    with stage.session.hub.looking():
        await until(lambda: stage.worker.live)
        cursor.start(seq, offset)
        batch = cursor.batch()
        assert json.loads(batch.pieces[0])["type"] == "lease"
        cursor.advance(batch, 1)
        yield Reader(stage, cursor)


def snapshot(live_at: int, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"parts": [{"rows": 24, "columns": 80, "sizes": [], **part} for part in parts], "live_at": live_at}


def prefix(data: bytes) -> str:
    return base64.b64encode(data).decode()
