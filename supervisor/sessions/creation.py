"""Admission, the one path for a new session: reserve, prepare, launch, ready, or all of it rolled back."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial

import structlog
import trio

from supervisor.core.access import Principal
from supervisor.core.admission import Slots
from supervisor.core.claims import Deed
from supervisor.core.environment import agent_environment, check_wished
from supervisor.core.names import check_name, default_name
from supervisor.sessions.claims import Claims
from supervisor.sessions.endings import first_facts
from supervisor.sessions.errands import attempt
from supervisor.sessions.git import refused_by
from supervisor.sessions.preparations import Preparations
from supervisor.sessions.programs import Program, check_remote, choose_elsewhere, choose_here
from supervisor.sessions.projects import Project, Projects
from supervisor.sessions.registry import Registry
from supervisor.sessions.room import Room
from supervisor.sessions.session import Session
from supervisor.sessions.workspaces import Workspace, Workspaces
from supervisor.settings import Settings
from workers.bundle import Bundle
from workers.core.events import now_text
from workers.core.lifecycle import State
from workers.core.spec import Spec
from workers.errors import Broken, Refused

Undo = Callable[[], Awaitable[object]]
LET_GO_SECONDS, LET_GO_PAUSE = 5.0, 0.005  # for a worker that was killed, or that ends by itself, to be gone
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for; None is what the box gives by default. `made_by`: see `workers.core.spec.Spec`.

    `id` is one that `Creation.new_id` gave before, by whoever must find the session again after a crash.
    """

    agent: str | None = None
    project: str | None = None
    name: str | None = None
    prompt: str | None = None
    spawn_mode: str | None = None
    base: str | None = None
    command: tuple[str, ...] | None = None
    env: dict[str, str] = field(default_factory=dict)
    rows: int = 24
    columns: int = 80
    made_by: str = "api"
    worker: str = "local"
    id: str | None = None


class Creation:
    """How sessions come to be. `launch` starts the worker of a registered session and waits for
    its agent; `forget` ends a worker that must not stay and stops keeping its session."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        slots: Slots,
        claims: Claims,
        projects: Projects,
        workspaces: Workspaces,
        room: Room,
        preparations: Preparations,
        launch: Callable[[Session], Awaitable[None]],
        forget: Callable[[Session], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._slots = slots
        self._claims = claims
        self._projects = projects
        self._workspaces = workspaces
        self._room = room
        self._preparations = preparations
        self._launch = launch
        self._forget = forget

    def reserve(self, wish: Wish) -> str:
        """Take a place for a new session, whose id this is; `create` comes next.

        Raises Refused: what makes the wish void in itself, `at_capacity` or `single_session_busy`.
        """
        # Not async on purpose, and before anything is looked at: a box that is full refuses at once, whatever goes on.
        check_wished(wish.env)
        if wish.worker == "remote":
            check_remote(wish.spawn_mode, wish.base)
        if wish.name is not None:
            check_name(wish.name)
        id = wish.id or self.new_id()
        self._slots.reserve(id)
        return id

    async def create(self, id: str, wish: Wish, by: Principal, spawn_mode: str) -> Session:
        """A new session whose agent runs, in the place that was reserved under this id. `spawn_mode` is that of the
        wish, else the box's at this moment.

        Raises Refused, and then nothing is left: no slot, no tree, no branch, no bundle, no record.
        """
        async with self._claims.on_id(id, Deed.MAKE, id):
            try:
                session = await self._make(id, wish, by, spawn_mode)
            except BaseException:
                self._slots.release(id)
                raise
        if wish.prompt:
            await _prompt(session, wish.prompt, by)
        return session

    async def _make(self, id: str, wish: Wish, by: Principal, spawn_mode: str) -> Session:
        await self._room.check()
        choose = choose_elsewhere if wish.worker == "remote" else choose_here
        program = await trio.to_thread.run_sync(choose, self._settings, wish.agent, wish.command)
        project = await self._projects.locate(wish.project)
        session = self._register(id, wish, by, spawn_mode, program, project)
        undo: list[Undo] = []
        try:
            await self._prepare_and_launch(session, wish, undo)
        except BaseException as error:
            with trio.CancelScope(shield=True):
                for step in reversed(undo):  # what cannot be undone is logged, and the rest is undone all the same
                    await attempt(step)
            self._registry.remove(session)
            if isinstance(error, Broken):
                raise Refused("launch_failed", str(error), "rc doctor says what this machine lacks") from error
            if isinstance(error, OSError):
                raise refused_by(error, f"make the session {session.facts.name}") from error
            raise
        # From here on an agent works in the tree: nothing is rolled back any more. With no checkpoint in between, no
        # cancellation can come before this.
        self._workspaces.settle(session.spec)
        return session

    def _register(
        self, id: str, wish: Wish, by: Principal, spawn_mode: str, program: Program, project: Project
    ) -> Session:
        # Not async on purpose: between looking for a free name and taking it nobody else may act.
        agent, adapter, argv = program
        names = self._registry.names_taken()
        name = default_name(agent, names) if wish.name is None else check_name(wish.name)
        self._registry.check_free(name)
        spec = Spec(
            id=id,
            name=name,
            agent=agent,
            adapter=adapter,
            argv=argv,
            env={},
            workspace=project.path,
            project=project.id,
            project_path=project.path,
            spawn_mode="same-dir" if wish.worker == "remote" and spawn_mode == "worktree" else spawn_mode,
            created_at=now_text(time.time_ns()),
            person=str(by.by()["person"]),
            device=by.device,
            rows=wish.rows,
            columns=wish.columns,
            made_by=wish.made_by,
            terminal_keep=self._settings.terminal_keep,
            worker=wish.worker,
        )
        return self._registry.add(spec, first_facts(spec))

    def new_id(self) -> str:
        kind = self._settings.environment
        return f"session_{kind}_{uuid.uuid4()}" if kind else f"session_{uuid.uuid4()}"

    def _neighbours(self, session: Session) -> list[str]:
        """Names of those that run in the same project's directory."""
        path = session.spec.project_path
        others = (other for other in self._registry if other is not session and not other.ended)
        return [other.facts.name for other in others if other.spec.workspace == path]

    async def _prepare_and_launch(self, session: Session, wish: Wish, undo: list[Undo]) -> None:
        """Each step undoes itself when it fails, and says how it is undone when a later one does."""
        session.set_facts(state=State.PREPARING)
        spec = session.spec
        if spec.is_remote:
            session.spec = replace(_placed(spec, Workspace("")), env=wish.env)
        else:
            session.spec = await self._prepare(session, wish, undo)
        await trio.to_thread.run_sync(_make_bundle, session.bundle, session.spec)
        undo.append(partial(trio.to_thread.run_sync, remove_bundle, session.bundle))
        undo.append(partial(self._forget, session))  # also a worker that comes up after we have given it up
        await self._launch(session)
        if not has_started(session):
            raise await launch_refusal(session)

    async def _prepare(self, session: Session, wish: Wish, undo: list[Undo]) -> Spec:
        spec, name, neighbours = session.spec, session.facts.name, self._neighbours(session)
        with self._preparations.of(session):
            workspace = await self._workspaces.prepare(
                spec.id, spec.spawn_mode, spec.project_path, name, wish.base, neighbours
            )
        placed = _placed(spec, workspace)
        undo.append(partial(self._workspaces.undo, placed))
        return replace(placed, env=agent_environment(self._settings, placed, wish.env))


def _placed(spec: Spec, workspace: Workspace) -> Spec:
    """The spec with what only the prepared workspace can tell."""
    return replace(
        spec,
        workspace=workspace.path,
        branch=workspace.branch,
        base_commit=workspace.base_commit,
        base_ref=workspace.base_ref,
        notices=workspace.notices,
    )


async def _prompt(session: Session, text: str, by: Principal) -> None:
    """The first prompt. Raises Refused, with the id of the session, which runs all the same."""
    try:
        await session.command({"kind": "prompt", "text": text}, by.by())
    except Refused as refused:
        name = session.facts.name
        detail = f"session {name} runs, but did not take its prompt: {refused.detail}"
        raise Refused(refused.code, detail, f"say it again: rc send {name}", session=session.id) from refused


def has_started(session: Session) -> bool:
    """Whether its agent's exec has succeeded; a program that is short may have ended since."""
    reason = (session.facts.exit or {}).get("reason")
    return session.facts.holds_slot or reason not in (None, "launch_failed", "lost", "rebooted")


async def launch_refusal(session: Session) -> Refused:
    """Why the agent of this session could not be started, as its worker has written it down."""
    with contextlib.suppress(Refused):  # what is known then is told
        await session.wait_settled()  # a worker tells of the end before it leaves its note
    note = await trio.to_thread.run_sync(session.bundle.read_json, "exit.json") or {}
    if "detail" in note:
        return Refused("launch_failed", str(note["detail"]), "check that the command is there and may be run")
    detail = f"no worker came up for {session.facts.name}: the process that workers are forked from does not answer"
    return Refused("launch_failed", detail, "try again in a moment; zygote.log in the state directory may say more")


def _make_bundle(bundle: Bundle, spec: Spec) -> None:
    try:
        Bundle.create(bundle.directory, spec)
    except FileExistsError:  # somebody's, which is not ours to remove
        raise
    except OSError:
        remove_bundle(bundle)
        raise


def remove_bundle(bundle: Bundle) -> None:
    """Take a bundle away that never became a session. Blocks until its worker, if there is one, has let go of it.

    The lock first: a worker on its way out still writes, and one that comes late finds the bundle void, or gone.
    """
    if not os.path.isdir(bundle.directory):
        return
    until = time.monotonic() + LET_GO_SECONDS
    while (lock := bundle.try_lock()) is None and time.monotonic() < until:
        time.sleep(LET_GO_PAUSE)
    with contextlib.suppress(OSError):  # a full disk: what is removed below needs no mark
        bundle.write("void", "")
    shutil.rmtree(bundle.directory, ignore_errors=True)
    if lock is not None:
        os.close(lock)
