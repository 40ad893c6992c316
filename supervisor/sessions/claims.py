"""One claim per session: whatever changes it says so first, and waits for, or is refused by, what it must not meet."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import trio

from supervisor.core.claims import Deed, Meeting, meet
from supervisor.sessions.registry import Registry
from supervisor.sessions.session import Session


class Claims:
    """All claims of a box, by session id: also of sessions that are in the trash. See `core.claims` for the table."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._held: dict[str, list[Deed]] = {}
        self._released = trio.Event()

    @contextlib.asynccontextmanager
    async def on(self, session: Session, deed: Deed) -> AsyncIterator[None]:
        """While this is done to a session. Raises Refused `invalid_state` by the table, `unknown_session` when it
        was deleted while we waited."""
        async with self.on_id(session.id, deed, session.facts.name):
            self._registry.get(session.id)
            yield

    @contextlib.asynccontextmanager
    async def on_id(self, id: str, deed: Deed, name: str) -> AsyncIterator[None]:
        """The same, for a session that may be in the trash."""
        while not self._take(id, deed, name):
            await self._released.wait()
        try:
            yield
        finally:
            self._release(id, deed)

    def holds(self, id: str) -> bool:
        """Whether anything is being done to this session."""
        return id in self._held

    def _take(self, id: str, deed: Deed, name: str) -> bool:
        # Not async on purpose: with no checkpoint between looking and taking, no two can begin that exclude each other.
        if meet(self._held.get(id, ()), deed, name) is Meeting.WAIT:
            return False
        self._held.setdefault(id, []).append(deed)
        return True

    def _release(self, id: str, deed: Deed) -> None:
        self._held[id].remove(deed)
        if not self._held[id]:
            del self._held[id]
        self._released.set()  # whoever waits looks again; there are never many
        self._released = trio.Event()
