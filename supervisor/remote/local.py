"""The session as it runs here: a bundle and a detached worker, as on a box; whoever comes next takes both up again."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import trio

from supervisor.core.agents import ADAPTERS, AgentRow
from supervisor.core.environment import agent_environment
from supervisor.core.workerrecords import is_uuid
from supervisor.sessions.creation import remove_bundle
from supervisor.sessions.endings import first_facts
from supervisor.sessions.errands import Errands
from supervisor.sessions.keeper import Keeping
from supervisor.sessions.keepers import Keepers
from supervisor.sessions.launcher import Launcher
from supervisor.sessions.link import Supervisor
from supervisor.sessions.session import Session
from supervisor.sessions.strays import end_strays, kill_worker
from workers.bundle import Bundle, boot_id
from workers.core.events import now_text
from workers.core.spec import Spec
from workers.errors import Refused
from workers.segments import segments

END_SECONDS, END_PAUSE = 5.0, 0.01  # a worker that is killed is gone within milliseconds
FOLDER = "remote"  # in the state directory: sessions/…/ are those of a box that may run here as well


@dataclass(frozen=True, slots=True)
class _Here:
    """What this machine gives its agents."""

    own: Mapping[str, str]
    state_dir: str

    def row(self, name: str) -> AgentRow:
        return AgentRow(name, "terminal")


class Place:
    """Where the runs of one session lie on this machine, and the processes that hold them. At most one is held."""

    def __init__(self, state_dir: str, id: str, workspace: str, own: Mapping[str, str]) -> None:
        self._here = _Here(own, state_dir)
        self._id = id
        self._workspace = workspace
        self._folder = os.path.join(state_dir, FOLDER, id)
        self._launcher, self._errands = Launcher(), Errands()
        self._session: Session | None = None
        self._run = ""
        os.makedirs(self._folder, 0o700, exist_ok=True)
        lock = Bundle(self._folder).try_lock()
        if lock is None:
            raise Refused("already_claimed", f"another rc worker serves {id} here", "end that one first")
        self._lock = lock
        epoch = 1 + max((_epoch_of(self._bundle(run)) for run in self._runs()), default=0)
        self._keepers = Keepers(
            Keeping(Supervisor(epoch, uuid.uuid4().hex), boot_id(), lambda session: None), self._launcher, self._errands
        )

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """See to the processes until cancelled; a worker runs on."""
        try:
            async with trio.open_nursery() as running:
                await running.start(self._launcher.run)
                await running.start(self._errands.run)
                task_status.started()
        finally:
            os.close(self._lock)

    @property
    def session(self) -> Session | None:
        """That which is held."""
        return self._session

    def has(self, run: str, number: int = 0) -> bool:
        """Whether it is one of ours, of which somebody may have seen `number` events."""
        return run in self._runs() and (number == 0 or bool(segments(self._bundle(run).directory, "events")))

    async def take_up(self, run: str) -> Session:
        """A run that was begun here, alive or ended. Raises Broken when no worker is to be had for it."""
        if self._session is not None and self._run == run:
            return self._session
        bundle = self._bundle(run)
        spec = bundle.spec()
        session = self._hold(run, Session(spec, first_facts(spec), bundle, lambda changed: None))
        if segments(bundle.directory, "events"):
            await self._keepers.adopt([session])
        else:  # we were ended between saying that it begins and beginning it
            await self._keepers.launch(session)
        return session

    def prepare(self, wanted: Mapping[str, Any]) -> str:
        """A bundle for a new run of what the box wants; nothing runs yet. Its id. Raises Refused."""
        if wanted["adapter"] not in ADAPTERS:
            detail = f"this release runs no agent of the kind {wanted['adapter']}"
            raise Refused("agent_unavailable", detail, "install the release that the box has")
        run = str(uuid.uuid4())
        spec = Spec(
            id=self._id,
            name=str(wanted["name"]),
            agent=str(wanted["agent"]),
            adapter=str(wanted["adapter"]),
            argv=tuple(map(str, wanted["argv"])),
            env={},
            workspace=self._workspace,
            project=str(wanted["project"]),
            project_path=self._workspace,
            spawn_mode="same-dir",
            created_at=now_text(time.time_ns()),
            person=None,
            rows=int(wanted["rows"]),
            columns=int(wanted["columns"]),
            made_by="bridge",
        )
        env = agent_environment(self._here, spec, {str(key): str(value) for key, value in wanted["env"].items()})
        Bundle.create(os.path.join(self._folder, run), replace(spec, env=env))
        return run

    async def end(self) -> None:
        """End what is held, and let go of all runs: the box wants none of them."""
        if self._session is not None:
            session, self._session, self._run = self._session, None, ""
            await self._keepers.forget(session)
            await session.wait_until(lambda: not session.kept)
        for run in self._runs():  # one that we do not hold may have been begun by somebody who was killed over it
            await trio.to_thread.run_sync(_end_run, self._bundle(run), self._id)

    def _hold(self, run: str, session: Session) -> Session:
        self._session, self._run = session, run
        return session

    def _runs(self) -> list[str]:
        return [name for name in os.listdir(self._folder) if is_uuid(name)]

    def _bundle(self, run: str) -> Bundle:
        return Bundle(os.path.join(self._folder, run))


def _end_run(bundle: Bundle, id: str) -> None:
    """Blocks until it is gone, with its worker and all that this has started."""
    until = time.monotonic() + END_SECONDS
    while (lock := bundle.try_lock()) is None and time.monotonic() < until:  # also one that is just coming up
        kill_worker(bundle)
        time.sleep(END_PAUSE)
    if lock is not None:
        os.close(lock)
    end_strays(id)
    remove_bundle(bundle)


def _epoch_of(bundle: Bundle) -> int:
    seen = (bundle.read_json("epoch.json") or {}).get("epoch")
    return seen if isinstance(seen, int) else 0
