"""Remote workers of a box: keeps their sessions, hands out the exchanges by which they come, and finds them again."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from functools import partial

import structlog
import trio

from supervisor.core.hold import Hold
from supervisor.sessions.endings import catch_up
from supervisor.sessions.remotejournal import RemoteJournal
from supervisor.sessions.session import Session
from supervisor.sessions.standin import StandIn
from workers.bundle import Bundle
from workers.errors import Broken, Refused

BRIDGE = "bridge.json"  # in the bundle: the generation of the last exchange
LOCK_SECONDS = 2.0  # whoever had the lock is on its way out
LOCK_PAUSE = 0.01

log = structlog.get_logger()


class Remotes:
    """At most one stand-in a session. All methods may be called from any task."""

    def __init__(self, boot: str, on_ended: Callable[[Session], None]) -> None:
        self._boot = boot
        self._on_ended = on_ended
        self._standins: dict[str, StandIn] = {}
        self._generations: dict[str, int] = {}
        self._exchanging: dict[str, trio.Lock] = {}

    async def keep(self, session: Session, launched: bool) -> None:
        """From here to the session's end; `launched`: it is new, or resumed. The counterpart is `keeper.keep`."""
        lock = await _take_lock(session.bundle)
        try:
            await catch_up(session)
            journal = await trio.to_thread.run_sync(RemoteJournal, session, self._boot)
            try:
                async with trio.open_nursery() as tasks:
                    await tasks.start(journal.run)
                    await self._stand_in(session, journal, launched)
                    tasks.cancel_scope.cancel()
            finally:
                await journal.close()
        finally:
            os.close(lock)
        self._on_ended(session)

    async def _stand_in(self, session: Session, journal: RemoteJournal, launched: bool) -> None:
        standin = StandIn(session, journal)
        if launched:
            standin.start()
            await standin.settle()
        session.link_up(standin)
        try:
            with self._standing_in(session.id, standin):
                async with trio.open_nursery() as tasks:
                    tasks.start_soon(standin.run)
                    await session.wait_until(lambda: journal.is_over or session.hold is Hold.KILLED)
                    standin.end("killed")
                    await session.wait_until(lambda: journal.is_over)
                    await standin.settle()
                    tasks.cancel_scope.cancel()
        finally:
            session.link_down()

    @contextlib.contextmanager
    def _standing_in(self, id: str, standin: StandIn) -> Iterator[None]:
        self._standins[id] = standin
        try:
            yield
        finally:
            del self._standins[id]
            self._exchanging.pop(id, None)

    def standin(self, session: Session, generation: int) -> StandIn:
        """For a worker that comes with this generation.

        Raises Refused: `stale_generation` when there has been a later exchange, `not_running` when it has ended,
        `not_ready` when that is not known yet.
        """
        current = self.generation(session)
        if generation != current:
            detail = f"there has been a later exchange for this session ({current}) than yours ({generation})"
            raise Refused("stale_generation", detail, f"rc bridge {session.facts.name} gives a new one")
        return self._running(session)

    def _running(self, session: Session) -> StandIn:
        found, name = self._standins.get(session.id), session.facts.name
        if found is None and not session.ended:  # its journal is being read: nobody may take that for an end
            raise Refused("not_ready", f"session {name} is just being taken up", "try again in a moment")
        if found is None:
            state = session.facts.state.value
            raise Refused("not_running", f"session {name} is {state}: no worker is wanted", f"rc resume {name}")
        return found

    async def exchange(self, session: Session) -> int:
        """A new generation, which is on disk; whoever came with an earlier one is cut off. Raises Refused:
        `worker_is_local`, `not_running`, `not_ready`, `disk_full`."""
        if not session.spec.is_remote:
            detail = f"the worker of session {session.facts.name} runs on this box"
            raise Refused("worker_is_local", detail, "make a session with: rc new --worker remote")
        self._running(session)  # or nobody would ever take the lock away
        async with self._exchanging.setdefault(session.id, trio.Lock()):
            self._running(session)
            generation = self.generation(session) + 1
            try:
                write = partial(session.bundle.write, BRIDGE, json.dumps({"generation": generation}))
                await trio.to_thread.run_sync(write)
            except OSError as error:
                raise Refused("disk_full", f"the disk did not take it: {error.strerror}", "make room on it") from error
            self._generations[session.id] = generation
            self._running(session).presence.end("stale_generation")
        return generation

    def generation(self, session: Session) -> int:
        """That of the last exchange; 0 before the first."""
        if session.id not in self._generations:
            known = (session.bundle.read_json(BRIDGE) or {}).get("generation")
            self._generations[session.id] = known if isinstance(known, int) else 0
        return self._generations[session.id]


async def _take_lock(bundle: Bundle) -> int:
    """The lock of a bundle that no worker is ever started in. Raises Broken when somebody keeps it."""
    until = trio.current_time() + LOCK_SECONDS
    while (lock := bundle.try_lock()) is None:
        if trio.current_time() > until:
            raise Broken(f"somebody else holds {bundle.directory}")
        await trio.sleep(LOCK_PAUSE)
    return lock
