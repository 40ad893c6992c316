"""The index of a box in its store: values set at run time, projects, and the facts of sessions."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from typing import Any

import structlog
import trio

from supervisor.core.facts import Facts
from supervisor.sessions.projects import Project, Projects
from supervisor.sessions.registry import Registry
from supervisor.sessions.watch import BOX, Watch
from supervisor.store import Store
from workers.core.events import now_text
from workers.errors import Refused

RETRY_SECONDS = 10.0  # a disk that is full stays so until somebody makes room

log = structlog.get_logger()


class Index:
    """What a supervisor finds again. Sessions can be rebuilt from their bundles, the rest is only here."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def remember(self, values: Mapping[str, object], who: str, source: str) -> str:
        """Keep values that were set at run time: when that was, as RFC 3339. `source` is `flag` or `runtime`."""
        at = now_text(time.time_ns())
        rows = [(key, json.dumps(value), source, who, at) for key, value in values.items()]

        def act(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT OR REPLACE INTO settings (key, value, source, who, at) VALUES (?, ?, ?, ?, ?)", rows
            )

        await self._store.write(act)
        return at

    async def projects(self) -> list[Project]:
        """In the order in which they were added."""
        return await self._store.read(projects)

    async def save_projects(self, projects: Projects) -> None:
        rows = [(project.id, project.path, now_text(time.time_ns())) for project in projects]

        def act(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM projects")
            connection.executemany("INSERT INTO projects (id, path, added_at) VALUES (?, ?, ?)", rows)

        await self._store.write(act)

    async def facts(self) -> dict[str, dict[str, Any]]:
        """What was last known of each session, by id."""
        rows = await self._store.read(lambda c: c.execute("SELECT id, facts FROM sessions").fetchall())
        return {id: json.loads(facts) for id, facts in rows}

    async def follow(self, registry: Registry, watch: Watch) -> None:
        """Keep the sessions' rows as the registry has them, until cancelled. What the disk does not take now is tried
        again: the bundles are the truth, and a box does not end for want of its index."""
        while True:
            changed = await watch.next() - {BOX}
            found = {id: registry.find(id) for id in changed}
            saved = {id: session.facts for id, session in found.items() if session is not None}
            try:
                await self.save_facts(saved, [id for id, session in found.items() if session is None])
            except Refused as refused:
                log.warning("index_not_saved", code=refused.code, detail=refused.detail)
                for id in changed:
                    watch.touch(id)
                await trio.sleep(RETRY_SECONDS)

    async def save_facts(self, saved: dict[str, Facts], forgotten: list[str]) -> None:
        """Keep the facts of these sessions, and forget those."""
        rows = [(id, json.dumps(facts.to_json())) for id, facts in saved.items()]

        def act(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO sessions (id, facts) VALUES (?, ?)", rows)
            connection.executemany("DELETE FROM sessions WHERE id = ?", [(id,) for id in forgotten])

        await self._store.write(act)


def projects(connection: sqlite3.Connection) -> list[Project]:
    """Those that the store remembers, in the order in which they were added."""
    rows = connection.execute("SELECT id, path FROM projects ORDER BY place")
    return [Project(id, path) for id, path in rows]
