"""The states of a session, and the moves between them that its worker makes: a row that is missing is a bug.

What comes before a worker (`requested`, `preparing`), a worker that is lost and a session that is resumed are the
supervisor's to tell: there is no worker then that could.
"""

from __future__ import annotations

from enum import Enum, StrEnum


class State(StrEnum):
    REQUESTED = "requested"
    PREPARING = "preparing"
    STARTING = "starting"
    RUNNING = "running"
    SUSPENDED = "suspended"
    STOPPING = "stopping"
    EXITED = "exited"
    LOST = "lost"


class Trigger(Enum):
    """What moves a session that has a worker. `END_ASKED` is a wish, everything else has happened."""

    STARTED = "the agent's exec has succeeded"
    LAUNCH_FAILED = "the agent's exec has failed"
    END_ASKED = "stop or suspend was asked for"
    ENDED = "the agent has ended"
    SUSPENDED = "the agent was ended to be resumed later"


HOLDS_SLOT = frozenset({State.REQUESTED, State.PREPARING, State.STARTING, State.RUNNING, State.STOPPING})
ENDED = frozenset({State.SUSPENDED, State.EXITED, State.LOST})

MOVES = {
    (State.STARTING, Trigger.STARTED): State.RUNNING,
    (State.STARTING, Trigger.LAUNCH_FAILED): State.EXITED,
    (State.STARTING, Trigger.END_ASKED): State.STOPPING,
    (State.RUNNING, Trigger.END_ASKED): State.STOPPING,
    (State.RUNNING, Trigger.ENDED): State.EXITED,
    (State.STOPPING, Trigger.LAUNCH_FAILED): State.EXITED,
    (State.STOPPING, Trigger.ENDED): State.EXITED,
    (State.STOPPING, Trigger.SUSPENDED): State.SUSPENDED,
}


def move(state: State, trigger: Trigger) -> State:
    """The state after `trigger`. A move that is not in the table is a bug."""
    assert (state, trigger) in MOVES, f"a session that is {state.value} cannot move: {trigger.value}"
    return MOVES[state, trigger]
