"""What every measurement is: a set-up that stands for all rounds, and one round that gives named values."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.scale import Scale

Values = dict[str, float]
Round = Callable[[int], Values]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a measurement happens: an empty folder of its own, the program for every terminal, and how much."""

    folder: Path
    program: str
    scale: Scale

    def new_folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder


Open = Callable[[Place], contextlib.AbstractContextManager[Round]]


@dataclass(frozen=True, slots=True)
class Stage:
    """`rounds` is taken from the scale; the medians of the rounds are what counts."""

    name: str
    open: Open
    rounds: Callable[[Scale], int]


def turned(things: Sequence[str], number: int) -> list[str]:
    """The same things, beginning with another one each round: nobody is always first."""
    at = number % len(things)
    return [*things[at:], *things[:at]]


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]
