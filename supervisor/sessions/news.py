"""What a box tells those who watch it: messages of `/v1/stream`, each a whole object as it is now, as the asker may see
it. The counterpart, which folds them, is `core.boxview`."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from supervisor.core.access import Action, Principal, may
from supervisor.core.pairing import PAIRING_PREFIX
from supervisor.sessions.session import Session
from supervisor.sessions.watch import BOX, Watch
from workers.errors import Refused

Message = dict[str, Any]


class Pairings(Protocol):
    """Who may become a device."""

    def shown(self) -> list[dict[str, Any]]:
        """Those that are open."""

    def show_one(self, id: str) -> dict[str, Any] | None: ...


class NoPairings:
    """A box where nobody pairs."""

    def shown(self) -> list[dict[str, Any]]:
        return []

    def show_one(self, id: str) -> dict[str, Any] | None:
        return None


class ToldBox(Protocol):
    """What is told of a box."""

    @property
    def pairings(self) -> Pairings: ...

    def describe(self, principal: Principal) -> dict[str, Any]: ...

    def sessions(self, principal: Principal) -> list[Session]: ...

    def session(self, id: str) -> Session: ...

    def show(self, session: Session) -> dict[str, Any]: ...

    def watch(self) -> AbstractContextManager[Watch]: ...


def hello(box: ToldBox, principal: Principal) -> Message:
    """What comes first: everything."""
    sessions = [box.show(session) for session in box.sessions(principal)]
    told = {"type": "hello", "box": box.describe(principal), "sessions": sessions, "approvals": []}
    return told | ({"pairings": box.pairings.shown()} if may(principal, Action.ADMIT) else {})


def concerning(keys: Iterable[str], principal: Principal) -> list[str]:
    """Those keys of `Watch` that the asker is told of, in a fixed order."""
    return [key for key in sorted(keys) if may(principal, Action.ADMIT) or not key.startswith(PAIRING_PREFIX)]


def message(box: ToldBox, principal: Principal, key: str) -> Message:
    """What a key of `Watch` stands for now."""
    if key == BOX:
        return {"type": "box", "box": box.describe(principal)}
    if key.startswith(PAIRING_PREFIX):
        pairing = box.pairings.show_one(key)
        return {"type": "pairing", "pairing": pairing} if pairing else {"type": "pairing_gone", "id": key}
    try:
        session = box.session(key)
    except Refused:
        session = None
    if session is None or session.gone or not may(principal, Action.LOOK, key):
        return {"type": "session_gone", "id": key}
    return {"type": "session", "session": box.show(session)}
