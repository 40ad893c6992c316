"""The states of a session and the moves between them: a row that is missing is a bug."""

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
    """What moves a session. Wishes are asked, everything else has happened."""

    RESERVED = "a slot is reserved"
    PREPARED = "the workspace is ready"
    STARTED = "the agent's exec has succeeded"
    LAUNCH_FAILED = "the agent's exec has failed"
    END_ASKED = "stop or suspend was asked for"
    ENDED = "the agent has ended"
    SUSPENDED = "the agent was ended to be resumed later"
    WORKER_LOST = "the worker is gone without a word"
    RESUME_ASKED = "resume was asked for"


HOLDS_SLOT = frozenset({State.REQUESTED, State.PREPARING, State.STARTING, State.RUNNING, State.STOPPING})
ENDED = frozenset({State.SUSPENDED, State.EXITED, State.LOST})

MOVES = {
    (State.REQUESTED, Trigger.RESERVED): State.PREPARING,
    (State.PREPARING, Trigger.PREPARED): State.STARTING,
    (State.STARTING, Trigger.STARTED): State.RUNNING,
    (State.STARTING, Trigger.LAUNCH_FAILED): State.EXITED,
    (State.STARTING, Trigger.END_ASKED): State.STOPPING,
    (State.STARTING, Trigger.WORKER_LOST): State.LOST,
    (State.RUNNING, Trigger.END_ASKED): State.STOPPING,
    (State.RUNNING, Trigger.ENDED): State.EXITED,
    (State.RUNNING, Trigger.WORKER_LOST): State.LOST,
    (State.STOPPING, Trigger.LAUNCH_FAILED): State.EXITED,
    (State.STOPPING, Trigger.ENDED): State.EXITED,
    (State.STOPPING, Trigger.SUSPENDED): State.SUSPENDED,
    (State.STOPPING, Trigger.WORKER_LOST): State.LOST,
    (State.SUSPENDED, Trigger.RESUME_ASKED): State.STARTING,
    (State.EXITED, Trigger.RESUME_ASKED): State.STARTING,
    (State.LOST, Trigger.RESUME_ASKED): State.STARTING,
}


def move(state: State, trigger: Trigger) -> State:
    """The state after `trigger`. A move that is not in the table is a bug."""
    assert (state, trigger) in MOVES, f"a session that is {state.value} cannot move: {trigger.value}"
    return MOVES[state, trigger]
