"""Keeping house: sessions are deleted and brought back, the trash is emptied, what is kept is counted."""

from __future__ import annotations

from typing import Any

import trio

from supervisor.core.access import Principal
from supervisor.sessions.deletion import Deletion
from supervisor.sessions.endings import write_later
from supervisor.sessions.inspect import Inspector
from supervisor.sessions.recovery import look
from supervisor.sessions.registry import Registry
from supervisor.sessions.session import Session
from supervisor.sessions.trash import Trash
from supervisor.sessions.usage import df
from workers.core.events import restored
from workers.errors import Refused


class House:
    """All methods raise Refused, and then nothing has changed."""

    def __init__(
        self,
        state_dir: str,
        registry: Registry,
        trash: Trash,
        inspector: Inspector,
        deletion: Deletion,
        boot: str,
    ) -> None:
        self._state_dir = state_dir
        self._registry = registry
        self._trash = trash
        self._inspector = inspector
        self._deletion = deletion
        self._boot = boot

    async def delete(self, session: Session, keep_branch: bool) -> dict[str, str | None]:
        """See `Deletion.delete`."""
        await session.wait_settled()
        spec, name, running = session.spec, session.facts.name, not session.ended
        answer = await self._deletion.delete(spec, name, running=running, keep_branch=keep_branch)
        self._registry.remove(session)
        return answer

    async def restore(self, id: str, by: Principal) -> Session:
        """Bring a session back from the trash, under its old name."""
        entry = await trio.to_thread.run_sync(self._trash.read, id)
        if entry is not None and entry.name in self._registry.names_taken():
            raise Refused("name_taken", f"there is a session called {entry.name} by now", "rename that one first")
        bundle = await self._deletion.restore(id)
        found = await trio.to_thread.run_sync(look, bundle, None)
        if found is None:
            raise Refused("invalid_state", f"the bundle of {id} cannot be read", "the log of rc serve says more")
        session = self._registry.add(found.spec, found.facts)
        await write_later(session, self._boot, restored(), by.by())
        return session

    async def trash(self) -> list[dict[str, Any]]:
        """What can be restored."""
        return await trio.to_thread.run_sync(self._trash.describe)

    async def prune(self, older_seconds: float) -> dict[str, Any]:
        """Remove for good what was deleted at least that long ago."""
        return await self._deletion.prune(older_seconds)

    async def df(self) -> dict[str, Any]:
        """What is kept on disk; see `usage.df`."""
        sessions = [(session.spec, session.facts.name) for session in self._registry]
        return await df(self._state_dir, sessions, self._trash, self._inspector)
