"""How the box holds a session: whether its worker is followed, answers, is being killed; and the moves between."""

from __future__ import annotations

from enum import Enum


class Hold(Enum):
    """One at a time, each with what it means for everybody else."""

    FREE = "nobody follows a worker: whoever takes the bundle's lock may write in it"
    KEPT = "a keeper follows its worker, and nobody else touches the bundle"
    SILENT = "kept, and its worker has not answered for long"
    KILLED = "kept, and we end its worker: what looks lost was asked for"
    GONE = "deleted, or rolled back: connections end"


class Turn(Enum):
    """What changes how a session is held."""

    TAKEN = "a keeper begins"
    SILENCE = "its worker has not answered for long"
    WORD = "its worker has answered"
    KILL = "its worker is about to be killed"
    SURVIVED = "its worker has not ended though it was killed"
    LET_GO = "its keeper has ended"
    REMOVED = "it is no session of this box any more"


KEEPING = frozenset({Hold.KEPT, Hold.SILENT, Hold.KILLED})

MOVES = {
    (Hold.FREE, Turn.TAKEN): Hold.KEPT,
    (Hold.KEPT, Turn.SILENCE): Hold.SILENT,
    (Hold.SILENT, Turn.SILENCE): Hold.SILENT,
    (Hold.KILLED, Turn.SILENCE): Hold.KILLED,
    (Hold.KEPT, Turn.WORD): Hold.KEPT,
    (Hold.SILENT, Turn.WORD): Hold.KEPT,
    (Hold.KILLED, Turn.WORD): Hold.KILLED,
    **{(hold, Turn.KILL): Hold.KILLED for hold in KEEPING},
    **{(hold, Turn.SURVIVED): Hold.SILENT for hold in KEEPING},
    **{(hold, Turn.LET_GO): Hold.FREE for hold in KEEPING},
    # A roll-back does not wait for the keeper that it has cancelled.
    **{(Hold.GONE, turn): Hold.GONE for turn in (Turn.SILENCE, Turn.WORD, Turn.LET_GO)},
    **{(hold, Turn.REMOVED): Hold.GONE for hold in (Hold.FREE, *KEEPING)},
}


def move(hold: Hold, turn: Turn) -> Hold:
    """How it is held after `turn`. A move that is not in the table is a bug."""
    assert (hold, turn) in MOVES, f"a session that is {hold.name} cannot move: {turn.value}"
    return MOVES[hold, turn]
