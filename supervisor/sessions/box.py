"""The box as the API, the streams and the status screen see it: what it shows, and whom to ask for what changes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from typing import Any, TypeVar

import structlog
import trio

from supervisor.core.access import OWNER, Action, Principal, may
from supervisor.core.admission import Slots
from supervisor.core.figures import Figure, single
from supervisor.sessions.contents import Contents
from supervisor.sessions.creation import Creation, Wish
from supervisor.sessions.errands import Errands
from supervisor.sessions.executions import Executions
from supervisor.sessions.house import House
from supervisor.sessions.launcher import Launcher
from supervisor.sessions.lookout import Lookout
from supervisor.sessions.news import Pairings
from supervisor.sessions.projects import Projects
from supervisor.sessions.registry import Registry
from supervisor.sessions.remotes import Remotes
from supervisor.sessions.room import Room
from supervisor.sessions.session import Session
from supervisor.sessions.shown import describe
from supervisor.sessions.switches import Switches
from supervisor.sessions.verbs import Verbs
from supervisor.sessions.watch import Watch, Watches
from workers.core.lifecycle import State
from workers.errors import Broken, Refused

VERSION = metadata.version("rcbox")  # of this process: an upgrade on disk shows after `rc restart`
Value = TypeVar("Value")
log = structlog.get_logger()


@dataclass(frozen=True)
class Box:
    """Its parts, and what needs several of them.

    A session is made here (`create`), changed by `verbs`, looked into by `contents`, lent a program by `executions`;
    the box itself is changed by `switches`, its disk looked after by `house`. What changes anything is called within
    `carry_out`. All of it raises Refused, and has then done nothing. `stopping` is set when the supervisor is to end.
    """

    epoch: int
    registry: Registry
    slots: Slots
    projects: Projects
    switches: Switches
    creation: Creation
    verbs: Verbs
    contents: Contents
    executions: Executions
    remotes: Remotes
    launcher: Launcher
    house: House
    room: Room
    lookout: Lookout
    errands: Errands
    watches: Watches
    pairings: Pairings
    stopping: trio.Event
    urls: list[str] = field(default_factory=list)

    # Looking

    def describe(self, principal: Principal) -> dict[str, Any]:
        """The box as `GET /v1/box` shows it to this asker."""
        settings = self.switches.settings
        notices = [self.room.notice] if self.room.notice else []
        return {
            "name": settings.name,
            "version": VERSION,
            "epoch": self.epoch,
            "spawn_mode": settings.spawn_mode,
            "capacity": self.slots.capacity,
            "used": self.slots.used,
            "projects": self.describe_projects(),
            "agents": self.lookout.agents,
            "sandbox": "none",
            "urls": self.urls,
            "notices": notices + self.lookout.notices(settings.spawn_mode),
            "settings": settings.describe() if may(principal, Action.SEE_ALL) else [],
            "you": principal.you(),
        }

    def describe_projects(self) -> list[dict[str, Any]]:
        return [self.lookout.describe(project) for project in self.projects]

    def figures(self) -> list[Figure]:
        """What is worth measuring, for `GET /metrics`."""
        states = Counter(session.facts.state.value for session in self.registry)
        kept = sum(session.hub.end - session.facts.start for session in self.registry)
        return [
            Figure("rc_sessions", "Sessions by state.", {state.value: states[state.value] for state in State}, "state"),
            single("rc_capacity", "How many sessions may run.", self.slots.capacity),
            single("rc_slots_used", "How many sessions hold a slot.", self.slots.used),
            single("rc_epoch", "Number of this start of the supervisor.", self.epoch),
            single("rc_viewers", "Open streams of sessions.", sum(session.hub.lookers for session in self.registry)),
            single("rc_terminal_octets", "Octets of terminal output that the journals keep.", kept),
        ]

    async def check_ready(self) -> None:
        """Raises Refused `not_ready` when no session could be started now, and says why."""
        await self.lookout.look()
        if self.stopping.is_set():
            raise Refused("not_ready", "the box is stopping", "rc serve starts it again")
        if self.slots.used >= self.slots.capacity:
            raise Refused("not_ready", "all slots are taken", "rc stop ends a session, rc capacity N makes room")
        if not self.lookout.sees_a_project:
            raise Refused("not_ready", "no project of this box is there", "rc project add PATH adds one")
        if self.room.is_short:
            raise Refused("not_ready", "the disk is nearly full", "rc df shows what is kept, rc prune lets go of it")
        try:
            await self.launcher.check()
        except Broken as broken:
            raise Refused(
                "not_ready", str(broken), "it is started again by itself; try again in some seconds"
            ) from None

    def sessions(self, principal: Principal) -> list[Session]:
        """Those that the asker may see, oldest first."""
        return [session for session in self.registry if may(principal, Action.LOOK, session.id)]

    def session(self, id: str) -> Session:
        """Raises Refused `unknown_session`."""
        return self.registry.get(id)

    def show(self, session: Session) -> dict[str, Any]:
        """A session as the API shows it."""
        return describe(session, self.urls[0] if self.urls else None)

    def watch(self) -> AbstractContextManager[Watch]:
        """Learn of every change, as the keys of what changed: `watch.BOX`, or a session's id (perhaps one now gone)."""
        return self.watches.watching()

    # Changing

    async def carry_out(self, work: Callable[[], Awaitable[Value]]) -> Value:
        """Have it done to its end, also when who asks goes away."""
        return await self.errands.carry_out(work)

    async def create(self, wish: Wish, by: Principal) -> Session:
        """A new session whose agent runs; made to its end, also when who asks goes away. The spawn mode is read once,
        here."""
        mode = self.switches.mode_for(wish.spawn_mode)
        # The place is taken before anything is awaited, and whoever comes when all are taken goes at once.
        id = self.creation.reserve(wish)
        return await self.carry_out(partial(self.creation.create, id, wish, by, mode))

    def shut_down(self, *, end_sessions: bool) -> None:
        """Have the supervisor end, the sessions before it if that is wanted."""
        if end_sessions:
            self.errands.start(self._end_sessions)
        else:
            self.stopping.set()

    async def _end_sessions(self) -> None:
        async with trio.open_nursery() as ending:
            for session in self.registry:
                ending.start_soon(self._end, session)
        self.stopping.set()

    async def _end(self, session: Session) -> None:
        try:
            await self.verbs.stop(session, OWNER)
        except Refused as refused:  # it runs on, as it would if the box were killed; the others end all the same
            log.warning("session_not_ended", session=session.id, code=refused.code, detail=refused.detail)
