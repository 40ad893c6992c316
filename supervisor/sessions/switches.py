"""What people change on the box itself: its name, its capacity, the spawn mode of new sessions, its projects."""

from __future__ import annotations

from typing import Any

import structlog
import trio

from supervisor.core.access import Principal
from supervisor.core.admission import Slots
from supervisor.core.names import check_name
from supervisor.core.options import Origin
from supervisor.sessions.index import Index
from supervisor.sessions.lookout import Lookout
from supervisor.sessions.projects import Projects
from supervisor.sessions.watch import BOX, Watches
from supervisor.sessions.workspaces import can_have_trees
from supervisor.settings import Settings
from workers.errors import Refused

log = structlog.get_logger()


class Switches:
    """The home of the settings as they are now. All methods raise Refused, and then nothing has changed."""

    def __init__(
        self, settings: Settings, slots: Slots, projects: Projects, lookout: Lookout, index: Index, watches: Watches
    ) -> None:
        self.settings = settings
        self._slots = slots
        self._projects = projects
        self._lookout = lookout
        self._index = index
        self._watches = watches
        self._changing_projects = trio.Lock()  # whoever undoes his change must not undo that of somebody else

    def mode_for(self, wished: str | None) -> str:
        """The spawn mode of a session that is made now: the wished one, else the box's. Raises Refused `mode_fixed`."""
        if self.settings.spawn_mode != "session":
            return wished or self.settings.spawn_mode
        if wished == "worktree":
            raise _mode_fixed()
        return "session"  # it works in the project's directory as well, and the next start knows it by this

    async def change(
        self, by: Principal, *, spawn_mode: str | None = None, capacity: int | None = None, name: str | None = None
    ) -> None:
        """The one path of every switch: key, command line, page and API. Later sessions only; nothing is ended."""
        if spawn_mode is not None:
            await self._check_mode(spawn_mode)
        if name is not None:
            name = check_name(name)
        if capacity is not None:
            self._slots.check_change(capacity)
        given = {"spawn_mode": spawn_mode, "capacity": capacity, "name": name}
        values = {key: value for key, value in given.items() if value is not None}
        who = str(by.by()["person"])
        at = await self._index.remember(values, who, "runtime")
        for key, value in values.items():
            self.settings = self.settings.changed(key, value, Origin("runtime", None, who, at))
        if capacity is not None:
            self._slots.change_capacity(capacity)
        log.info("box_changed", by=who, **values)
        self._watches.touch(BOX)

    async def _check_mode(self, spawn_mode: str) -> None:
        if self.settings.spawn_mode == "session":
            raise _mode_fixed()
        if spawn_mode == "worktree" and not await can_have_trees(self._projects):
            raise Refused(
                "not_a_repository",
                "no project of this box is a git repository with a commit",
                "run: git init && git commit --allow-empty -m begin, or add a repository with rc project add",
            )

    async def add_project(self, path: str, by: Principal) -> dict[str, Any]:
        """Serve this directory as well: the project as `GET /v1/projects` shows it."""
        async with self._changing_projects:
            with self._projects.undoing():
                project = await self._projects.add(path)
                await self._index.save_projects(self._projects)
        await self._lookout.look()
        self._watches.touch(BOX)
        return self._lookout.describe(project)

    async def remove_project(self, wanted: str, by: Principal) -> dict[str, Any]:
        """Serve it no longer; its sessions and trees stay."""
        async with self._changing_projects:
            with self._projects.undoing():
                project = self._projects.remove(wanted)
                await self._index.save_projects(self._projects)
        self._watches.touch(BOX)
        return self._lookout.describe(project)


def _mode_fixed() -> Refused:
    return Refused(
        "mode_fixed",
        "this box was started with --spawn session and serves exactly one session",
        "start another box with: rc serve --spawn worktree",
    )
