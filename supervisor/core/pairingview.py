"""Who wants in, as a screen shows it: a fold of what the box tells, of the link made here, and of the digits typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from supervisor.core.pairing import NUMBER_DIGITS

ERASE = ("\x7f", "\b")

Pairing = Mapping[str, Any]


class PairingView:
    """`invitation` is the one that was made here, while it is open: of others nobody learns link or code again.
    `digits` is as much of a number as has been typed."""

    def __init__(self) -> None:
        self.invitation: Mapping[str, Any] | None = None
        self.digits = ""
        self._open: dict[str, Pairing] = {}  # oldest first

    def begin(self, pairings: Iterable[Pairing]) -> list[str]:
        """Everything that is open; notes for people."""
        asked = self.asking
        self._open = {pairing["id"]: pairing for pairing in pairings if pairing["state"] == "waiting"}
        if asked is not None and asked["id"] not in self._open:
            self.digits = ""
        if self.invitation is None or self.invitation["id"] in self._open:
            return []
        self.invitation = None
        return ["the link is void: the box has started anew"]

    def apply(self, pairing: Pairing) -> list[str]:
        """One pairing as it is now; notes for people."""
        if pairing["state"] == "waiting":
            self._open[pairing["id"]] = pairing
            return []
        return self.drop(pairing["id"], pairing)

    def drop(self, id: str, ended: Pairing | None = None) -> list[str]:
        """One is open no more."""
        asked = self.asking
        self._open.pop(id, None)
        if asked is not None and asked["id"] == id:
            self.digits = ""
        is_ours = self.invitation is not None and self.invitation["id"] == id
        if is_ours:
            self.invitation = None
        return [_ending(ended)] if ended and (is_ours or ended["claimed"]) else []

    def offer(self, invitation: Mapping[str, Any]) -> None:
        """A link was made here."""
        self.invitation = invitation

    @property
    def asking(self) -> Pairing | None:
        """The pairing whose number is to be typed: of those whose device shows one, the oldest."""
        return next((pairing for pairing in self._open.values() if pairing["opened"]), None)

    @property
    def queue(self) -> int:
        """How many ask behind that one."""
        return max(sum(bool(pairing["opened"]) for pairing in self._open.values()) - 1, 0)

    @property
    def shown(self) -> Pairing | None:
        """What is told of: whoever asks, else how far the link made here has come."""
        return self.asking or (self._open.get(self.invitation["id"]) if self.invitation else None)

    def takes(self, key: str) -> bool:
        """Whether a key belongs to a number; a space between digits does."""
        if self.asking is None:
            return False
        return (key.isascii() and key.isdigit()) or (bool(self.digits) and (key in ERASE or key == " "))

    def type(self, key: str) -> tuple[str, str] | None:
        """A key that `takes` takes: (pairing, number) when the number is whole."""
        asking = self.asking
        assert asking is not None, "nobody asks"
        if key in ERASE:
            self.digits = self.digits[:-1]
        elif key != " ":
            self.digits += key
        if len(self.digits) < NUMBER_DIGITS:
            return None
        number, self.digits = self.digits, ""
        return str(asking["id"]), number


def _ending(pairing: Pairing) -> str:
    claimed = pairing["claimed"]
    if not claimed and pairing["state"] == "refused":
        return "the link is void; space makes another"
    claimed = claimed or {}
    who = claimed.get("label") or claimed.get("address") or "a device"
    return {
        "accepted": f"{who} is paired",
        "refused": f"{who} was not let in; space makes another link",
        "expired": "the time of the link is up; space makes another",
    }.get(str(pairing["state"]), "the pairing has ended")
