"""Access tokens and tickets: secrets that a device was given, kept in memory as their SHA-256 only."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass

TOKEN_SECONDS = 600.0
TICKET_SECONDS = 30.0  # from asking for it to the WebSocket that uses it
# Of one device at a time; one more, and its oldest is void: a page gets a new one with each reconnect.
MOST_TOKENS = 64
MOST_TICKETS = 32


@dataclass(frozen=True, slots=True)
class Bearer:
    """What one is good for: `device` by id, and for a ticket the session (None: the box) and the page's Origin."""

    device: str
    due: float
    session: str | None = None
    origin: str | None = None


class Bearers:
    """Those of one kind. `now` is seconds of a clock that goes on while the machine sleeps."""

    def __init__(self, seconds: float, most: int) -> None:
        self.seconds = seconds
        self._most = most
        self._given: OrderedDict[bytes, Bearer] = OrderedDict()  # oldest first, and so the first to be due
        self._of: dict[str, OrderedDict[bytes, None]] = {}  # the same by device, of those that have any

    def give(self, device: str, now: float, session: str | None = None, origin: str | None = None) -> str:
        """A new one: 256 bits as base64url."""
        while self._given and next(iter(self._given.values())).due <= now:
            self._take(next(iter(self._given)))
        if len(theirs := self._of.get(device, ())) >= self._most:
            self._take(next(iter(theirs)))
        value = secrets.token_urlsafe(32)
        digest = _digest(value)
        self._given[digest] = Bearer(device, now + self.seconds, session, origin)
        self._of.setdefault(device, OrderedDict())[digest] = None
        return value

    def find(self, value: str, now: float) -> Bearer | None:
        """What it is good for, if it is."""
        found = self._given.get(_digest(value))
        return found if found is not None and found.due > now else None

    def use(self, value: str, now: float) -> Bearer | None:
        """The same, for the last time."""
        found = self._take(_digest(value))
        return found if found is not None and found.due > now else None

    def forget(self, device: str) -> None:
        """All of one device are void."""
        for digest in self._of.pop(device, ()):
            del self._given[digest]

    def _take(self, digest: bytes) -> Bearer | None:
        found = self._given.pop(digest, None)
        if found is not None:
            theirs = self._of[found.device]
            del theirs[digest]
            if not theirs:
                del self._of[found.device]
        return found


def _digest(value: str) -> bytes:
    # Looked up by its digest: how long that takes tells nothing of a secret that is near.
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).digest()
