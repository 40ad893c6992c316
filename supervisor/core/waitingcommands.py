"""Commands that were accepted for a remote worker and wait until it has them: for a moment, or for days."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from workers.core.session import QUEUE_OCTETS, octets_of_prompt
from workers.errors import Refused

MOST = 1000  # full: refused


@dataclass(frozen=True, slots=True)
class Kept:
    """`number` is that of the event that records the acceptance; `wish` the command's JSON, with the id by which the
    worker knows a repeat; `message_id` that of a prompt."""

    number: int
    wish: dict[str, Any] = field(repr=False)  # what somebody typed
    origin: str
    by: dict[str, Any] | None
    message_id: str | None = None

    @property
    def kind(self) -> str:
        return str(self.wish["kind"])

    def to_json(self) -> str:
        return json.dumps({name: getattr(self, name) for name in Kept.__slots__})

    @classmethod
    def from_json(cls, text: str) -> Kept:
        """The inverse of `to_json`. Raises ValueError or TypeError for anything else."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Keep:
    """Put it on disk before the event that follows, and give it to the worker."""

    kept: Kept


@dataclass(frozen=True, slots=True)
class Forget:
    """The worker has it, or nobody needs it any more."""

    number: int


class Waiting:
    """In the order of their numbers."""

    def __init__(self) -> None:
        self._kept: dict[int, Kept] = {}

    def __iter__(self) -> Iterator[Kept]:
        return iter(tuple(self._kept.values()))

    def add(self, kept: Kept) -> Keep:
        self._kept[kept.number] = kept
        return Keep(kept)

    def find(self, number: int) -> Kept | None:
        return self._kept.get(number)

    def prompt(self, message_id: str) -> Kept | None:
        """The prompt of this id, when it waits."""
        return next((kept for kept in self if kept.message_id == message_id), None)

    def of_kind(self, kind: str) -> list[Kept]:
        return [kept for kept in self if kept.kind == kind]

    def forget(self, kept: Kept) -> Forget:
        del self._kept[kept.number]
        return Forget(kept.number)

    def check_room(self, prompt: str | None) -> None:
        """Raises Refused `rate_limited` when one more is too many; `prompt` is its text if it is one."""
        if len(self._kept) >= MOST:
            raise Refused("rate_limited", "too many commands wait for the worker", "start it: rc worker, or rc stop")
        if prompt is None:
            return
        waiting = sum(octets_of_prompt(str(kept.wish["text"])) for kept in self.of_kind("prompt"))
        if waiting + octets_of_prompt(prompt) > QUEUE_OCTETS:
            raise Refused("rate_limited", "too many prompts wait for their turn", "wait for the agent, or interrupt it")
