"""The seam between a session and one agent's dialect: what an adapter is asked, and the steps it answers with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol


class Shape(Enum):
    """How an agent is reached."""

    TERMINAL = "a program on a PTY"  # no turns: who types sees what happens
    INSIDE = "no program at all"  # it lives in the worker, and takes one prompt at a time


@dataclass(frozen=True, slots=True)
class Say:
    """Number and tell this update."""

    update: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Type:
    """Give these octets to the agent's program."""

    data: bytes


@dataclass(frozen=True, slots=True)
class EndTurn:
    """The turn is over, for one of ACP's stop reasons."""

    stop_reason: str


@dataclass(frozen=True, slots=True)
class Die:
    """An agent without a program ends like one with this exit code."""

    code: int


Step = Say | Type | EndTurn | Die


class Adapter(Protocol):
    """A pure translator. `now` is seconds of any steady clock; `wake_at` is when `tick` is wanted, None for never."""

    shape: Shape
    wake_at: float | None

    def prompt(self, text: str, now: float) -> list[Step]: ...

    def interrupt(self) -> list[Step]: ...

    def tick(self, now: float) -> list[Step]: ...
