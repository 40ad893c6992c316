"""Preparations: work on a new session's workspace that can still be given up. A checkout may take minutes, or hang."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import trio

from supervisor.sessions.session import Session
from workers.core.lifecycle import State
from workers.errors import Refused


class Preparations:
    """All those of a box that go on, by session id."""

    def __init__(self) -> None:
        self._scopes: dict[str, trio.CancelScope] = {}

    @contextlib.contextmanager
    def of(self, session: Session) -> Iterator[None]:
        """While its workspace is prepared. What is cancelled in here undoes itself; then this raises Refused."""
        with trio.CancelScope() as scope:
            self._scopes[session.id] = scope
            try:
                yield
            finally:
                del self._scopes[session.id]
        if scope.cancel_called and not scope.cancelled_caught:
            session.hub.tell()  # it came too late: all was prepared in that same moment, and the session goes on
        if scope.cancelled_caught:
            session.set_facts(state=State.EXITED, exit={"code": None, "signal": None, "reason": "stopped"})
            detail = f"session {session.facts.name} was ended while its workspace was being prepared"
            raise Refused("invalid_state", detail, "rc new makes another one")

    async def give_up(self, session: Session) -> bool:
        """Cancel what prepares its workspace, and return when nothing of the session is left. False when nothing does,
        or when it was ready in that very moment; then the session is there as if nobody had asked."""
        scope = self._scopes.get(session.id)
        if scope is None:
            return False
        scope.cancel()
        await session.wait_until(lambda: session.gone or self._is_too_late(session, scope))
        return session.gone

    def _is_too_late(self, session: Session, scope: trio.CancelScope) -> bool:
        return self._scopes.get(session.id) is not scope and not scope.cancelled_caught
