"""What a found bundle means: one pure function over facts, so that silence is never taken for death."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What the supervisor does about a bundle."""

    ADOPT = "adopt"  # its worker answered: take it up
    REPORT_EXIT = "report exit"  # it ended and left a note: show what the note says
    KEEP_WAITING = "keep waiting"  # somebody holds the lock and is silent: it lives, by the kernel's word
    CLEAN_UP = "clean up"  # nobody holds the lock and no note was left: write down that it was lost


@dataclass(frozen=True, slots=True)
class Found:
    """Facts about a bundle. `answered`: a worker proved itself on the link. `left_note`: `exit.json` is there.
    `lock_held`: somebody holds the bundle's flock."""

    answered: bool
    left_note: bool
    lock_held: bool


def judge(found: Found) -> Verdict:
    if found.answered:
        return Verdict.ADOPT
    if found.lock_held:
        # A worker on its way out has written its note and still holds the lock: the note counts once it is gone.
        return Verdict.KEEP_WAITING
    if found.left_note:
        return Verdict.REPORT_EXIT
    return Verdict.CLEAN_UP


def lost_reason(worker_boot: str | None, boot: str) -> str:
    """Why a worker is gone that left no note: `rebooted` when it ran under another boot of the kernel, else `lost`."""
    return "rebooted" if worker_boot is not None and worker_boot != boot else "lost"
