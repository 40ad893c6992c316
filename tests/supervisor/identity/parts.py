"""What the tests of this layer share: clocks that they move by hand, and an identity with a store of its own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from supervisor.identity.clock import Clock
from supervisor.identity.identity import Identity
from supervisor.store import Store

WALL = 1_800_000_000.0


class Hands:
    """Those of both clocks. `boot` is what the one that goes on in sleep shows."""

    def __init__(self) -> None:
        self.boot = 1000.0
        self.clock = Clock(lambda: self.boot, lambda: WALL + self.boot - 1000.0)

    def wait(self, seconds: float) -> None:
        self.boot += seconds


@contextlib.asynccontextmanager
async def identity_in(folder: Path, hands: Hands) -> AsyncIterator[Identity]:
    """As a box has it that keeps its state in `folder`."""
    async with Store.open(str(folder / "box.sqlite")) as store:
        yield await Identity.load(str(folder), store, clock=hands.clock)
