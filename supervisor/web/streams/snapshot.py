"""A snapshot as a row of steps: what a late viewer is sent so that its screen is that of everybody else."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from supervisor.web.problems import to_json
from workers.core.screen import Part, SnapshotPlan


@dataclass(frozen=True, slots=True)
class State:
    """The state (modes, colours, title) that holds at an offset."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Span:
    """Output to be read from disk, from `start` up to `end`."""

    start: int
    end: int


Step = bytes | State | Span  # octets are a message's JSON


def size_message(rows: int, columns: int) -> bytes:
    return to_json({"type": "size", "rows": rows, "columns": columns})


def steps_of(snapshot: SnapshotPlan) -> deque[Step]:
    """`screen`, then for each part its first size, its state, and its output with a size at every resize."""
    steps: deque[Step] = deque([to_json({"type": "screen", "live_at": snapshot.live_at})])
    for part in snapshot.parts:
        _add_part(steps, part)
    return steps


def _add_part(steps: deque[Step], part: Part) -> None:
    steps.append(size_message(part.rows, part.columns))
    steps.append(State(part.start, part.prefix))
    at = part.start
    for offset, rows, columns in part.sizes:
        if offset > at:
            steps.append(Span(at, offset))
            at = offset
        steps.append(size_message(rows, columns))
    if part.end > at:
        steps.append(Span(at, part.end))
