"""A remote worker for tests: the lines over which it comes, and what it was told on each."""

from __future__ import annotations

from typing import Any

import trio

RUN = "00000000-0000-4000-8000-000000000001"


class TestLine:
    """Keeps what the box says. `ended` is why it was cut."""

    __test__ = False

    def __init__(self, generation: int = 1, speaks: bool = True) -> None:
        self.generation = generation
        self.speaks = speaks
        self.has_room = True
        self.told: list[dict[str, Any]] = []
        self.keys: list[bytes] = []
        self.ended: str | None = None

    def tell(self, **message: object) -> None:
        self.told.append(message)

    def type(self, keys: bytes) -> bool:
        if self.has_room:
            self.keys.append(keys)
        return self.has_room

    async def wait_room(self) -> None:
        await trio.lowlevel.checkpoint()

    def end(self, reason: str) -> None:
        self.ended = reason

    def of(self, type: str) -> list[dict[str, Any]]:
        """All messages of this type."""
        return [message for message in self.told if message["type"] == type]

    @property
    def commands(self) -> list[tuple[int, str]]:
        """Number and kind of each command that came."""
        return [(each["number"], each["command"]["kind"]) for each in self.of("command")]
