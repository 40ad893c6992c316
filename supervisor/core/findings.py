"""What an examination of the machine has found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `hint` says what to do where it is not well, or what could be done with it."""

    check: str
    ok: bool
    detail: str
    hint: str = ""
