"""What a connection has to send: asked for in batches by whoever sends it, over whatever transport."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from supervisor.web.streams.dialect import Place

BATCH = 256 << 10  # octets offered to the kernel at once: what its send buffer holds
BATCH_PIECES = 512  # of one system call, which takes 1,024; echoed keys make many small ones
NOWHERE: Place = (0, 0)  # where nothing is numbered, and a reconnect begins anew


@dataclass(frozen=True, slots=True)
class Ending:
    """Why we close: told in `bye` where there is a `reason`, and by the code of a WebSocket's close."""

    code: int
    reason: str | None = None
    retry: bool = False


@dataclass(slots=True)
class Batch:
    """What comes next, in order: first what is `said`, then what is `paged` or cached. `more` stands behind these.

    `places` are where the reader stands after each piece.
    """

    pieces: list[bytes] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    said: int = 0
    paged: int = 0
    more: bool = False
    octets: int = 0

    @property
    def is_full(self) -> bool:
        return self.octets >= BATCH or len(self.pieces) >= BATCH_PIECES

    def add(self, piece: bytes, place: Place) -> None:
        self.pieces.append(piece)
        self.places.append(place)
        self.octets += len(piece)


class Source(Protocol):
    """Asked in one step, so that what it says next is what is sent next.

    `stalled` is set by whoever sends, when nothing went out for a second. `unsaid` counts answers to the client that
    wait. `batch` does not wait; without pieces but with `more` it needs `fetch`, which may. `advance` says how many
    pieces of a batch went out, `is_done` then whether nothing is left but to wait for news. After `ending` is set
    nothing more comes.
    """

    stalled: bool

    @property
    def unsaid(self) -> int: ...

    @property
    def ending(self) -> Ending | None: ...

    def say(self, **message: object) -> None: ...

    def batch(self) -> Batch: ...

    def advance(self, batch: Batch, count: int) -> None: ...

    def is_done(self, batch: Batch, count: int) -> bool: ...

    async def fetch(self) -> None: ...
