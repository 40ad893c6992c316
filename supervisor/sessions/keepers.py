"""All keepers of a box: launching is asking for a worker and adopting it, and so is recovery without the asking."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from functools import partial

import outcome
import trio

from supervisor.core.hold import Turn
from supervisor.sessions.errands import Errands, attempt
from supervisor.sessions.keeper import Keeping, keep
from supervisor.sessions.launcher import Launcher
from supervisor.sessions.remotes import Remotes
from supervisor.sessions.session import Session
from supervisor.sessions.strays import end_strays, kill_worker
from workers.core.lifecycle import State
from workers.errors import Broken

ADOPT_SECONDS = 0.4  # one budget for all: 32 of 32 answered in 111 ms; who has not is shown and taken up later
UNDER_WAY = (State.REQUESTED, State.PREPARING, State.STARTING)
FAULT_SECONDS = 5.0  # between two tries to keep a session that a fault of ours cannot be kept with
READY_SECONDS = 30.0  # a worker has exec'd its agent after some 10 ms; 32 at once on a loaded machine take seconds


Traces = tuple[object, object]
NO_TRACES: Traces = (None, None)


class Keepers:
    """At most one keeper a session. All methods may be called from any task."""

    def __init__(self, keeping: Keeping, launcher: Launcher, errands: Errands) -> None:
        self.remotes = Remotes(keeping.boot, keeping.on_ended)
        self._keeping = keeping
        self._launcher = launcher
        self._errands = errands
        self._scopes: dict[str, trio.CancelScope] = {}

    async def launch(self, session: Session, *, resume: bool = False) -> None:
        """Start the session's worker and wait until its agent runs or is known not to. Raises Broken.

        A remote one is started by somebody else, when they like: here it is only expected.
        """
        if session.spec.is_remote:
            await self._expect(session)
            return
        zygote, began = self._launcher.number, NO_TRACES
        if resume:
            began = await trio.to_thread.run_sync(_traces, session)
        await self._launcher.launch(session.bundle.directory, resume=resume)
        self._keep(session, launched=True)
        with trio.move_on_after(READY_SECONDS):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._ask_again, session, resume, zygote, began)
                await session.wait_until(lambda: session.facts.state not in UNDER_WAY)
                nursery.cancel_scope.cancel()
            return
        raise Broken(f"the worker of {session.facts.name} did not come up within {READY_SECONDS:.0f} s")

    async def _expect(self, session: Session) -> None:
        self._keep(session, launched=True)
        with trio.move_on_after(READY_SECONDS):
            await session.wait_until(lambda: session.answers)
            return
        raise Broken(f"nothing could be written for {session.facts.name} within {READY_SECONDS:.0f} s")

    async def _ask_again(self, session: Session, resume: bool, zygote: int, began: Traces) -> None:
        """A zygote that ended may have taken the wish with it: the next is asked, unless a worker has left a trace."""
        while True:
            await self._launcher.wait_next(zygote)
            zygote = self._launcher.number
            if session.answers or await trio.to_thread.run_sync(_has_begun, session, began):
                return
            with contextlib.suppress(Broken):  # that one has ended as well
                await self._launcher.launch(session.bundle.directory, resume=resume)

    async def adopt(self, sessions: Sequence[Session]) -> None:
        """Take up all workers that answer within one budget; the others are shown `unresponsive` and taken up when
        they do."""
        for session in sessions:
            self._keep(session, launched=False)
        with trio.move_on_after(ADOPT_SECONDS):
            for session in sessions:
                await session.wait_until(partial(_is_settled, session))
        for session in sessions:
            if not _is_settled(session):
                session.turn(Turn.SILENCE)

    def _keep(self, session: Session, *, launched: bool) -> None:
        assert session.id not in self._scopes, f"{session.id} has a keeper"
        scope = self._scopes[session.id] = trio.CancelScope()
        session.turn(Turn.TAKEN)

        async def keeper() -> None:
            try:
                with scope:
                    await self._keep_on(session, launched)
            finally:
                del self._scopes[session.id]
                session.turn(Turn.LET_GO)

        self._errands.start(keeper)

    async def _keep_on(self, session: Session, launched: bool) -> None:
        """Keep it to its end; after a fault, which is logged, from what its worker and its journal say then."""
        follow = self.remotes.keep if session.spec.is_remote else partial(keep, keeping=self._keeping)
        while isinstance(await attempt(partial(follow, session, launched=launched)), outcome.Error):
            launched = False
            session.turn(Turn.SILENCE)
            await trio.sleep(FAULT_SECONDS)

    async def forget(self, session: Session) -> None:
        """End a worker that must not stay, and stop keeping its session."""
        scope = self._scopes.get(session.id)
        if scope is not None:
            scope.cancel()
        await trio.to_thread.run_sync(kill_worker, session.bundle)
        await trio.to_thread.run_sync(end_strays, session.id)


def _traces(session: Session) -> Traces:
    """What workers of this session have left: who was the last, and the note of its end."""
    return session.bundle.read_json("worker.json"), session.bundle.read_json("exit.json")


def _has_begun(session: Session, before: Traces) -> bool:
    lock = session.bundle.try_lock()
    if lock is None:
        return True
    os.close(lock)  # held for a moment only: a worker that is just starting has had a second to come before us
    return _traces(session) != before


def _is_settled(session: Session) -> bool:
    return session.ended or session.answers
