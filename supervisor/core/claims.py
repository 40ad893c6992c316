"""Claims: what may be done to a session while something else is being done to it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from workers.errors import Refused


class Deed(Enum):
    """What changes a session, as it is said of one: `session X is being <value>`."""

    MAKE = "made"
    STOP = "stopped"
    SUSPEND = "suspended"
    RESUME = "resumed"
    RENAME = "renamed"
    ARCHIVE = "archived"
    RESTORE = "restored"
    DELETE = "deleted"
    EXECUTE = "used to start a program"


class Meeting(Enum):
    """What becomes of a deed that is wanted while another one goes on."""

    TOGETHER = "."
    WAIT = "w"  # until the other one is done: then it has its own meaning again
    REFUSE = "x"  # nothing will be left to do it to, or it will have been done


_WANTED = (
    Deed.STOP, Deed.SUSPEND, Deed.RESUME, Deed.RENAME, Deed.ARCHIVE, Deed.RESTORE, Deed.DELETE, Deed.EXECUTE,
)  # fmt: skip
# A row is the deed that goes on, a column the one that is wanted, in the order above.
_ROWS = {
    Deed.MAKE:    "x x x x x x x x",  # it may yet be rolled back
    Deed.STOP:    ". w w w w w w .",  # two that stop both return when it has ended
    Deed.SUSPEND: ". w w w w w w .",  # a stop turns it into a stop
    Deed.RESUME:  "w w x w x x x w",
    Deed.RENAME:  ". w w w w w w .",  # may wait for a silent worker, which a stop must not
    Deed.ARCHIVE: "w w w w w w w .",
    Deed.RESTORE: "w w w w w w w w",
    Deed.DELETE:  "w x x x x x x x",  # a stop waits, because of a running session nothing is deleted
    Deed.EXECUTE: ". . . . . . w .",  # the gate sees the program once it has begun
}  # fmt: skip
MEETINGS = {
    (held, wanted): Meeting(mark)
    for held, row in _ROWS.items()
    for wanted, mark in zip(_WANTED, row.split(), strict=True)
}


def meet(held: Iterable[Deed], wanted: Deed, name: str) -> Meeting:
    """What becomes of `wanted` among all that goes on with the session `name`: TOGETHER or WAIT.

    Raises Refused `invalid_state`. Nothing else goes on with a session when it begins to be made.
    """
    meeting = Meeting.TOGETHER
    for deed in held:
        assert wanted is not Deed.MAKE, f"{name} is made twice"
        met = MEETINGS[deed, wanted]
        if met is Meeting.REFUSE:
            raise Refused("invalid_state", f"session {name} is being {deed.value}", _hint(deed))
        if met is Meeting.WAIT:
            meeting = met
    return meeting


def _hint(deed: Deed) -> str:
    if deed is Deed.DELETE:
        return "rc trash shows it when that is done, and rc restore brings it back"
    return "try again in a moment"
