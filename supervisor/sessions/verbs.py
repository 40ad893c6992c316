"""What people do to one session: stop, suspend, resume, rename, archive, delete, restore."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable, Callable

import trio

from supervisor.core.access import Principal
from supervisor.core.admission import Slots
from supervisor.core.claims import Deed
from supervisor.core.hold import Turn
from supervisor.core.names import check_name
from supervisor.sessions.claims import Claims
from supervisor.sessions.creation import has_started, launch_refusal
from supervisor.sessions.deletion import Deletion
from supervisor.sessions.endings import replace_lost_bundle, write_later
from supervisor.sessions.preparations import Preparations
from supervisor.sessions.recovery import look
from supervisor.sessions.registry import Registry
from supervisor.sessions.session import Session
from supervisor.sessions.strays import kill_worker
from workers.core.events import archived, notice, renamed, restored
from workers.core.lifecycle import State
from workers.errors import Broken, Refused

# A worker gives its agent 10 s of grace and then kills what is left; this is when we take matters into our own hands.
END_SECONDS = 20.0
KILL_SECONDS = (
    30.0  # until a keeper has seen that a killed worker is gone: at once, or after its patience with a new one
)


class Verbs:
    """All of them raise Refused, and then nothing has changed. Each claims the session first; see `core.claims` for
    what excludes what. `launch` is the box's, as for a new session."""

    def __init__(
        self,
        registry: Registry,
        slots: Slots,
        claims: Claims,
        preparations: Preparations,
        deletion: Deletion,
        boot: str,
        launch: Callable[..., Awaitable[None]],
    ) -> None:
        self._registry = registry
        self._slots = slots
        self._claims = claims
        self._preparations = preparations
        self._deletion = deletion
        self._boot = boot
        self._launch = launch

    async def stop(self, session: Session, by: Principal) -> None:
        """End the agent; when this returns it has ended. An ended session stays as it is, and of one whose workspace
        is still being prepared nothing stays."""
        if await self._preparations.give_up(session):
            return
        async with self._claims.on(session, Deed.STOP):
            if not (session.ended or session.unresponsive):
                await self._ask_to_stop(session, by)
            if not session.ended:
                await self._kill(session)
            await session.wait_settled()

    async def _kill(self, session: Session) -> None:
        session.turn(Turn.KILL)
        await trio.to_thread.run_sync(kill_worker, session.bundle)
        with trio.move_on_after(KILL_SECONDS):
            await session.wait_until(lambda: session.ended)
            return
        if session.kept:
            session.turn(Turn.SURVIVED)
        raise Refused("invalid_state", f"the worker of {session.facts.name} does not end", "rc show tells its pid")

    async def suspend(self, session: Session, by: Principal) -> None:
        """End the agent but keep the session for `resume`; it gives its slot back."""
        async with self._claims.on(session, Deed.SUSPEND):
            if session.facts.state is State.SUSPENDED:
                return
            if session.facts.state not in (State.STARTING, State.RUNNING):
                raise _wrong_state(session, "suspended", "only a running session can be suspended")
            await session.command({"kind": "suspend"}, by.by())
            with trio.move_on_after(END_SECONDS):
                await session.wait_until(lambda: session.ended)
            if not session.ended:
                detail = f"session {session.facts.name} was asked to end and has not in {END_SECONDS:g} s; it still may"
                raise Refused("not_running", detail, f"rc stop {session.facts.name} ends it")
            await session.wait_settled()

    async def _ask_to_stop(self, session: Session, by: Principal) -> None:
        """Ask until it takes it, and wait for its end; what comes of that the caller sees."""
        with trio.move_on_after(END_SECONDS):
            while not (session.ended or session.unresponsive):
                with contextlib.suppress(Refused):
                    await session.command({"kind": "stop"}, by.by())
                    await session.wait_until(lambda: session.ended or session.unresponsive)
                if session.answers:
                    return  # it was its own word that it does not
                await session.wait_until(lambda: session.ended or session.unresponsive or session.answers)

    async def resume(self, session: Session, by: Principal) -> None:
        """Start the spec's command again, in the same workspace, under the same numbers."""
        async with self._claims.on(session, Deed.RESUME):
            await session.wait_settled()
            if not session.ended:
                raise _wrong_state(session, "resumed", "rc attach shows it: it runs")
            if session.facts.archived:
                raise _wrong_state(session, "resumed", f"it is archived: rc restore {session.facts.name} first")
            workspace = session.spec.workspace
            if not session.spec.is_remote and not await trio.to_thread.run_sync(os.path.isdir, workspace):
                raise Refused("project_gone", f"{workspace} is not there any more", "bring the directory back")
            await self._start_again(session)

    async def _start_again(self, session: Session) -> None:
        before = session.facts
        self._slots.reserve(session.id)
        try:
            notes = await trio.to_thread.run_sync(_forget_end, session)
            session.set_facts(state=State.STARTING, exit=None)
            await self._launch(session, resume=True)
        except Broken as error:
            if not session.kept:  # nobody was asked for a worker: it is as it was
                await trio.to_thread.run_sync(_remember_end, session, notes)
                session.set_facts(state=before.state, exit=before.exit)
            raise Refused("launch_failed", str(error), "rc doctor says what this machine lacks") from error
        finally:
            if session.ended:
                self._slots.release(session.id)
        if not has_started(session):
            raise await launch_refusal(session)

    async def rename(self, session: Session, name: str, by: Principal) -> None:
        name = check_name(name)
        async with self._claims.on(session, Deed.RENAME):
            if name == session.facts.name:
                return
            with self._registry.claiming_name(name):
                if session.ended:
                    await session.wait_settled()
                    await write_later(session, self._boot, renamed(name), by.by())
                else:
                    await session.command({"kind": "rename", "name": name}, by.by())
                    await session.wait_until(lambda: session.facts.name == name or session.ended)

    async def archive(self, session: Session, by: Principal) -> None:
        """Put an ended session away; its files stay."""
        async with self._claims.on(session, Deed.ARCHIVE):
            if not session.ended:
                raise _wrong_state(session, "archived", f"end it first: rc stop {session.facts.name}")
            await session.wait_settled()
            if not session.facts.archived:
                await write_later(session, self._boot, archived(), by.by())

    async def delete(self, session: Session, by: Principal, *, keep_branch: bool = False) -> dict[str, str | None]:
        """Remove an ended session, and its own tree if that can lose nothing; see `Deletion.delete`. What is still
        being prepared is given up."""
        if await self._preparations.give_up(session):
            return dict.fromkeys(("archived_ref", "trash", "restorable_until"))
        async with self._claims.on(session, Deed.DELETE):
            await session.wait_settled()
            if session.ended:
                await replace_lost_bundle(session, self._boot)
            spec, name, running = session.spec, session.facts.name, not session.ended
            answer = await self._deletion.delete(spec, name, running=running, keep_branch=keep_branch)
            self._registry.remove(session)
            return answer

    async def restore(self, id: str, by: Principal) -> Session:
        """Undo archive or delete, whichever was last. The name must still be free."""
        known = self._registry.find(id)
        async with self._claims.on_id(id, Deed.RESTORE, known.facts.name if known else id):
            session = self._registry.find(id)
            if session is None:
                return await self._take_from_trash(id, by)
            if not session.facts.archived:
                raise _wrong_state(session, "restored", "it is neither archived nor deleted")
            with self._registry.claiming_name(session.facts.name):
                await write_later(session, self._boot, restored(), by.by())
            return session

    async def _take_from_trash(self, id: str, by: Principal) -> Session:
        entry = await self._deletion.find(id)
        with self._registry.claiming_name(entry.name):
            bundle = await self._deletion.restore(id)
            found = await trio.to_thread.run_sync(look, bundle, None)
            if found is None:
                raise Refused("invalid_state", f"the bundle of {id} cannot be read", "the log of rc serve says more")
            session = self._registry.add(found.spec, found.facts)
        was_archived = found.facts.archived
        await write_later(session, self._boot, restored(), by.by())
        if was_archived:  # only what was last is undone: it was put away before it was deleted
            await write_later(session, self._boot, archived(), by.by())
        if text := await missing_tree(session):
            await write_later(session, self._boot, notice("warning", text), None)
        return session


async def missing_tree(session: Session) -> str | None:
    """What people should know of a session whose own tree is not there; None when it is, or when it has none."""
    spec = session.spec
    if spec.branch is None or await trio.to_thread.run_sync(os.path.isdir, spec.workspace):
        return None
    return f"its worktree {spec.workspace} is not there any more and did not come back; its branch is {spec.branch}"


def _wrong_state(session: Session, verb: str, hint: str) -> Refused:
    state = session.facts.state.value
    return Refused("invalid_state", f"session {session.facts.name} is {state} and cannot be {verb}", hint, state=state)


def _forget_end(session: Session) -> dict[str, str]:
    """Take away the notes of its end, which a keeper would take for a new one: what was in them, by name."""
    notes: dict[str, str] = {}
    for name in ("exit.json", "screen.json"):
        text = session.bundle.read(name)
        if text is not None:
            notes[name] = text
            os.unlink(session.bundle.path(name))
    return notes


def _remember_end(session: Session, notes: dict[str, str]) -> None:
    for name, text in notes.items():
        session.bundle.write(name, text)
