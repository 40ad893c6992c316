"""Keeping house: the trash is shown and emptied, what is kept is counted."""

from __future__ import annotations

from typing import Any

import trio

from supervisor.sessions.claims import Claims
from supervisor.sessions.inspect import Inspector
from supervisor.sessions.registry import Registry
from supervisor.sessions.trash import Trash
from supervisor.sessions.usage import described, df


class House:
    """What a box keeps on disk, as a whole. To delete and to restore one session: see `Verbs`."""

    def __init__(self, state_dir: str, registry: Registry, claims: Claims, trash: Trash, inspector: Inspector) -> None:
        self._state_dir = state_dir
        self._registry = registry
        self._claims = claims
        self._trash = trash
        self._inspector = inspector

    async def trash(self, sizes: bool) -> list[dict[str, Any]]:
        """What can be restored; how much each takes only where it is wanted: all of it is looked at for that."""
        if sizes:
            return await described(self._trash, self._inspector)
        return await trio.to_thread.run_sync(self._trash.describe)

    async def prune(self, older_seconds: float) -> dict[str, Any]:
        """Remove for good what was deleted at least that long ago; see `Trash.prune`."""
        return await self._trash.prune(older_seconds, self._claims.holds)

    async def df(self) -> dict[str, Any]:
        """What is kept on disk; see `usage.df`."""
        sessions = [(session.spec, session.facts.name) for session in self._registry]
        return await df(self._state_dir, sessions, self._trash, self._inspector)
