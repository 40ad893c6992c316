"""A box without the web: real zygote, real workers, in a directory of the test's own."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import trio

from supervisor.core.access import OWNER
from supervisor.core.admission import Slots
from supervisor.serveoptions import ServeOptions
from supervisor.sessions.bases import Fetcher
from supervisor.sessions.claims import Claims
from supervisor.sessions.creation import Creation, Wish
from supervisor.sessions.deletion import Deletion
from supervisor.sessions.endings import first_facts
from supervisor.sessions.errands import Errands
from supervisor.sessions.inspect import Inspector
from supervisor.sessions.keeper import Keeping
from supervisor.sessions.keepers import Keepers
from supervisor.sessions.launcher import Launcher
from supervisor.sessions.link import Supervisor
from supervisor.sessions.preparations import Preparations
from supervisor.sessions.projects import Project, Projects
from supervisor.sessions.recovery import take_inventory
from supervisor.sessions.registry import Registry
from supervisor.sessions.room import Room
from supervisor.sessions.session import Session
from supervisor.sessions.trash import Trash
from supervisor.sessions.verbs import Verbs
from supervisor.sessions.workspaces import Workspaces
from supervisor.sessions.worktrees import Worktrees
from supervisor.settings import Settings, settle_all
from workers.bundle import Bundle, boot_id
from workers.core.lifecycle import State
from workers.core.spec import Spec

SECONDS = 20.0  # for anything a real process does here; none takes one


def spec_of(home: Path, *argv: str, adapter: str = "terminal", **facts: object) -> Spec:
    id = f"session_{uuid.uuid4()}"
    spec = Spec(
        id=id,
        name=f"test-{id[-6:]}",
        agent="shell" if adapter == "terminal" else adapter,
        adapter=adapter,
        argv=argv,
        env={"PATH": "/usr/bin:/bin", "TERM": "dumb", "RC_SESSION_ID": id},
        workspace=str(home),
        project="home",
        project_path=str(home),
        spawn_mode="same-dir",
        created_at="2026-01-01T00:00:00.000Z",
        person="owner",
    )
    return replace(spec, **facts)  # type: ignore[arg-type]  # the caller names fields of Spec


def settings_of(home: Path) -> Settings:
    """Those of a box with the agents `shell`, `echo` and `none`, whose program is not there."""
    config = home / "box.toml"
    agents = '[agents.none]\nadapter = "terminal"\ncommand = ["no-such-program"]\n'
    config.write_text(agents + '[disk]\nkeep_free = "0"\nkeep_free_percent = 0\n')
    environ = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "RC_CONFIG": str(config)}
    return settle_all(ServeOptions(state_dir=str(home)), environ, {})


@dataclass
class LiveBox:
    """What a test drives. `ended` are the sessions whose end was told, in order."""

    home: Path
    registry: Registry
    slots: Slots
    keepers: Keepers
    launcher: Launcher
    errands: Errands
    claims: Claims
    verbs: Verbs
    creation: Creation
    ended: list[Session] = field(default_factory=list)

    def register(self, spec: Spec) -> Session:
        session = self.registry.add(spec, first_facts(spec))
        Bundle.create(session.bundle.directory, spec)
        self.slots.reserve(spec.id)
        return session

    def take_up(self, index: Mapping[str, dict[str, Any]]) -> list[Session]:
        """What an earlier supervisor left, as it is done at a start."""
        return [self.registry.add(each.spec, each.facts) for each in take_inventory(self.registry.directory, index)]

    async def create(self, wish: Wish, spawn_mode: str = "same-dir") -> Session:
        """A session by the one path of the product, in the project `app` of this box."""
        return await self.creation.create(self.creation.reserve(wish), wish, OWNER, spawn_mode)

    async def start(self, *argv: str, adapter: str = "terminal") -> Session:
        """A session whose agent runs (or has ended already)."""
        session = self.register(spec_of(self.home, *argv, adapter=adapter))
        await self.keepers.launch(session)
        return session


@contextlib.asynccontextmanager
async def live_box(home: Path, epoch: int = 1, capacity: int = 8) -> AsyncIterator[LiveBox]:
    """Runs until the block ends. Its workers live on, as in the product; `end_all` ends them."""
    sessions = home / "sessions"
    sessions.mkdir(exist_ok=True)
    ended: list[Session] = []
    slots = Slots(capacity)

    def on_ended(session: Session) -> None:
        slots.release(session.id)
        ended.append(session)

    launcher, errands = Launcher(), Errands()
    registry = Registry(str(sessions), lambda id: None)
    keeping = Keeping(Supervisor(epoch, f"test-{epoch}"), boot_id(), on_ended)
    keepers = Keepers(keeping, launcher, errands)
    claims, preparations = Claims(registry), Preparations()
    worktrees = Worktrees(str(home))
    deletion = Deletion(Trash(str(home)), Inspector(launcher.ask, str(home / "scratch")), worktrees)
    verbs = Verbs(registry, slots, claims, preparations, deletion, boot_id(), keepers.launch)
    settings = settings_of(home)
    room = Room(str(home), settings.room, registry, lambda: None)
    projects = Projects([Project("app", str(home / "app"))])
    workspaces = Workspaces(worktrees, Fetcher())
    creation = Creation(
        settings, registry, slots, claims, projects, workspaces, room, preparations, keepers.launch, keepers.forget
    )
    with trio.fail_after(4 * SECONDS):
        async with trio.open_nursery() as running:
            await running.start(launcher.run)
            await running.start(errands.run)
            yield LiveBox(home, registry, slots, keepers, launcher, errands, claims, verbs, creation, ended)
            running.cancel_scope.cancel()


async def end_all(box: LiveBox) -> None:
    """Leave no process behind."""
    for session in box.registry:
        if not session.ended:
            await box.keepers.forget(session)


async def until_true(session: Session, condition: Callable[[], bool]) -> None:
    with trio.fail_after(SECONDS):
        await session.wait_until(condition)


def is_running(session: Session) -> bool:
    return session.facts.state is State.RUNNING


def alive(pid: int) -> bool:
    """Whether this process runs; one that has ended but was not yet collected does not."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


async def output(session: Session) -> bytes:
    """All that the session's terminal has printed so far."""
    return (await session.hub.read_terminal(0, 1 << 20)).data


def bundles(home: Path) -> list[str]:
    return sorted(os.listdir(home / "sessions"))
