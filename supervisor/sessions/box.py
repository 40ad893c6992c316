"""The box as the API, the streams and the status screen see it: one object that can be asked and told everything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar

import structlog
import trio

from supervisor.core.access import OWNER, Action, Principal, may
from supervisor.core.admission import Slots
from supervisor.core.names import check_name
from supervisor.core.options import Origin
from supervisor.sessions.contents import Contents
from supervisor.sessions.creation import Creation, Wish
from supervisor.sessions.errands import Errands
from supervisor.sessions.executions import Executions
from supervisor.sessions.house import House
from supervisor.sessions.index import Index
from supervisor.sessions.line import Line
from supervisor.sessions.lookout import Lookout
from supervisor.sessions.projects import Projects
from supervisor.sessions.registry import Registry
from supervisor.sessions.room import Room
from supervisor.sessions.session import Session
from supervisor.sessions.verbs import Verbs
from supervisor.sessions.watch import BOX, Watch, Watches
from supervisor.sessions.workspaces import can_have_trees
from supervisor.settings import Settings
from workers.errors import Refused

VERSION = "0.1.0"
Value = TypeVar("Value")
log = structlog.get_logger()


class Box:
    """Everything that changes goes through here; every method that may refuse raises Refused and has then done nothing.

    `stopping` is set when the supervisor is to end.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        epoch: int,
        registry: Registry,
        slots: Slots,
        projects: Projects,
        index: Index,
        errands: Errands,
        creation: Creation,
        verbs: Verbs,
        watches: Watches,
        contents: Contents,
        house: House,
        executions: Executions,
        room: Room,
        lookout: Lookout,
        stopping: trio.Event,
    ) -> None:
        self.settings = settings
        self.epoch = epoch
        self.registry = registry
        self.projects = projects
        self.contents = contents
        self.house = house
        self.urls: list[str] = []
        self.stopping = stopping
        self._slots = slots
        self._index = index
        self._errands = errands
        self._creation = creation
        self._verbs = verbs
        self._watches = watches
        self._executions = executions
        self._room = room
        self._lookout = lookout

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def spawn_mode(self) -> str:
        return self.settings.spawn_mode

    # Looking

    def describe(self, principal: Principal) -> dict[str, Any]:
        """The box as the interface shows it, to this asker."""
        return {
            "name": self.name,
            "version": VERSION,
            "epoch": self.epoch,
            "spawn_mode": self.spawn_mode,
            "capacity": self._slots.capacity,
            "used": self._slots.used,
            "projects": self.describe_projects(),
            "agents": self._lookout.agents,
            "sandbox": "none",
            "urls": self.urls,
            "notices": [self._room.notice] if self._room.notice else [],
            "settings": self.settings.describe() if may(principal, Action.SEE_ALL) else [],
            "you": principal.you(),
        }

    def describe_projects(self) -> list[dict[str, Any]]:
        return [self._lookout.describe(project) for project in self.projects]

    async def look(self) -> None:
        """See what is on disk as it is now, for whoever asks for the box; it is looked at now and then all the same."""
        await self._lookout.look()

    async def check_ready(self) -> None:
        """Raises Refused `not_ready` when no session could be started now, and says why."""
        await self._lookout.look()
        if self.stopping.is_set():
            raise Refused("not_ready", "the box is stopping", "rc serve starts it again")
        if self._slots.used >= self._slots.capacity:
            raise Refused("not_ready", "all slots are taken", "rc stop ends a session, rc capacity N makes room")
        if not self._lookout.sees_a_project:
            raise Refused("not_ready", "no project of this box is there", "rc project add PATH adds one")
        if self._room.is_short:
            raise Refused("not_ready", "the disk is nearly full", "rc df shows what is kept, rc prune lets go of it")

    def sessions(self, principal: Principal) -> list[Session]:
        """Those that the asker may see, oldest first."""
        return [session for session in self.registry if may(principal, Action.LOOK, session.id)]

    def session(self, id: str) -> Session:
        """Raises Refused `unknown_session`."""
        return self.registry.get(id)

    def show(self, session: Session) -> dict[str, Any]:
        """A session as the interface shows it."""
        return session.describe(self.urls[0] if self.urls else None)

    def watch(self) -> AbstractContextManager[Watch]:
        """Learn of every change, as the keys of what changed: `watch.BOX`, or a session's id (perhaps one now gone)."""
        return self._watches.watching()

    # Sessions

    async def carry_out(self, work: Callable[[], Awaitable[Value]]) -> Value:
        """Have it done to its end, also when who asks goes away."""
        return await self._errands.carry_out(work)

    def new_id(self) -> str:
        """The id of a session that is still to be made."""
        return self._creation.new_id()

    async def create(self, wish: Wish, by: Principal) -> Session:
        """A new session whose agent runs; made to its end, also when who asks goes away. The spawn mode is read once,
        here."""
        mode = wish.spawn_mode or self.spawn_mode
        if self.spawn_mode == "session":
            if mode == "worktree":
                raise _mode_fixed()
            mode = "session"  # it works in the project's directory as well, and the next start knows it by this
        # The place is taken before anything is awaited, and whoever comes when all are taken goes at once.
        id = self._creation.reserve(wish)
        return await self._errands.carry_out(partial(self._creation.create, id, wish, by, mode))

    async def stop(self, session: Session, by: Principal) -> None:
        await self._verbs.stop(session, by)

    async def suspend(self, session: Session, by: Principal) -> None:
        await self._verbs.suspend(session, by)

    async def resume(self, session: Session, by: Principal) -> None:
        await self._verbs.resume(session, by)

    async def rename(self, session: Session, name: str, by: Principal) -> None:
        await self._verbs.rename(session, name, by)

    async def archive(self, session: Session, by: Principal) -> None:
        await self._verbs.archive(session, by)

    async def delete(self, session: Session, by: Principal, *, keep_branch: bool = False) -> dict[str, str | None]:
        """Remove an ended session, and its own tree if that can lose nothing. Raises Refused `kept`."""
        return await self._verbs.delete(session, by, keep_branch=keep_branch)

    async def restore(self, id: str, by: Principal) -> Session:
        """Undo archive or delete, whichever was last."""
        return await self._verbs.restore(id, by)

    def prepare_exec(self, session: Session, command: Sequence[str], rows: int, columns: int) -> str:
        """The ticket for a program in the session's workspace; see `Executions`."""
        return self._executions.prepare(session, command, rows, columns)

    async def open_exec(self, session: Session, ticket: str) -> Line:
        """Start what the ticket is for; see `Executions.open`."""
        return await self._executions.open(session, ticket)

    # The box itself

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
        if self.spawn_mode == "session":
            raise _mode_fixed()
        if spawn_mode == "worktree" and not await can_have_trees(self.projects):
            raise Refused(
                "not_a_repository",
                "no project of this box is a git repository with a commit",
                "run: git init && git commit --allow-empty -m begin, or add a repository with rc project add",
            )

    async def add_project(self, path: str, by: Principal) -> dict[str, Any]:
        """Serve this directory as well: the project as the interface shows it."""
        project = await self.projects.add(path)
        await self._index.save_projects(self.projects)
        await self._lookout.look()
        self._watches.touch(BOX)
        return self._lookout.describe(project)

    async def remove_project(self, wanted: str, by: Principal) -> dict[str, Any]:
        """Serve it no longer; its sessions and trees stay."""
        project = self.projects.remove(wanted)
        await self._index.save_projects(self.projects)
        self._watches.touch(BOX)
        return self._lookout.describe(project)

    def shut_down(self, *, end_sessions: bool) -> None:
        """Have the supervisor end, the sessions before it if that is wanted."""
        if end_sessions:
            self._errands.start(self._end_sessions)
        else:
            self.stopping.set()

    async def _end_sessions(self) -> None:
        async with trio.open_nursery() as ending:
            for session in self.registry:
                ending.start_soon(self._end, session)
        self.stopping.set()

    async def _end(self, session: Session) -> None:
        try:
            await self._verbs.stop(session, OWNER)
        except Refused as refused:  # it runs on, as it would if the box were killed; the others end all the same
            log.warning("session_not_ended", session=session.id, code=refused.code, detail=refused.detail)


def _mode_fixed() -> Refused:
    return Refused(
        "mode_fixed",
        "this box was started with --spawn session and serves exactly one session",
        "start another box with: rc serve --spawn worktree",
    )
