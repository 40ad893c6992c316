"""Puts a box together from its parts, and finds out what it already has."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import outcome
import structlog
import trio

from supervisor.core.access import OWNER
from supervisor.core.admission import Slots
from supervisor.core.facts import Facts
from supervisor.records import meta, put_meta
from supervisor.sessions.bases import Fetcher
from supervisor.sessions.box import Box
from supervisor.sessions.claims import Claims
from supervisor.sessions.contents import Contents
from supervisor.sessions.creation import Creation, Wish
from supervisor.sessions.deletion import Deletion
from supervisor.sessions.errands import Errands, attempt
from supervisor.sessions.executions import Executions
from supervisor.sessions.house import House
from supervisor.sessions.index import Index
from supervisor.sessions.inspect import Inspector
from supervisor.sessions.keeper import Keeping
from supervisor.sessions.keepers import Keepers
from supervisor.sessions.launcher import Launcher
from supervisor.sessions.link import Supervisor
from supervisor.sessions.lookout import Lookout
from supervisor.sessions.news import Pairings
from supervisor.sessions.preparations import Preparations
from supervisor.sessions.projects import Projects
from supervisor.sessions.recovery import has_bundle, highest_epoch, take_inventory
from supervisor.sessions.registry import Registry
from supervisor.sessions.room import Room
from supervisor.sessions.session import Session
from supervisor.sessions.switches import Switches
from supervisor.sessions.trash import Trash
from supervisor.sessions.uploads import tidy as tidy_uploads
from supervisor.sessions.verbs import Verbs
from supervisor.sessions.watch import BOX, Watches
from supervisor.sessions.workspaces import Workspaces
from supervisor.sessions.worktrees import Worktrees
from supervisor.settings import Settings
from supervisor.store import Store
from workers.bundle import boot_id
from workers.core.spec import Spec
from workers.errors import Refused

log = structlog.get_logger()


@dataclass(frozen=True)
class Parts:
    """What the life of a box needs besides the box itself."""

    box: Box
    keepers: Keepers
    index: Index
    worktrees: Worktrees
    deletion: Deletion


async def next_epoch(store: Store, sessions: str) -> Supervisor:
    """Who we are: one epoch above all that this box has seen."""
    kept = int(await store.read(lambda connection: meta(connection, "epoch")) or 0)
    epoch = 1 + max(kept, await trio.to_thread.run_sync(highest_epoch, sessions))
    await store.write(lambda connection: put_meta(connection, "epoch", str(epoch)))
    return Supervisor(epoch, uuid.uuid4().hex)


def put_together(
    settings: Settings,
    us: Supervisor,
    index: Index,
    projects: Projects,
    launcher: Launcher,
    errands: Errands,
    watches: Watches,
    pairings: Pairings,
) -> Parts:
    """The box, with nothing in it yet."""
    boot = boot_id()
    registry = Registry(os.path.join(settings.state_dir, "sessions"), watches.touch)
    single = settings.spawn_mode == "session"
    slots = Slots(settings.capacity, single=single, on_change=lambda: watches.touch(BOX))
    worktrees = Worktrees(settings.state_dir)
    stopping = trio.Event()

    def ended(session: Session) -> None:
        slots.release(session.id)
        if single and (session.facts.exit or {}).get("reason") != "launch_failed":
            stopping.set()  # its one session is over, and so is the box; one that never began leaves its place free

    keepers = Keepers(Keeping(us, boot, ended), launcher, errands)
    room = Room(settings.state_dir, settings.room, registry, lambda: watches.touch(BOX))
    lookout = Lookout(settings, projects, lambda: watches.touch(BOX))
    workspaces = Workspaces(worktrees, Fetcher())
    claims = Claims(registry)
    preparations = Preparations()
    launch, forget = keepers.launch, keepers.forget
    creation = Creation(settings, registry, slots, claims, projects, workspaces, room, preparations, launch, forget)
    inspector = Inspector(launcher.ask, os.path.join(settings.state_dir, "scratch"))
    trash = Trash(settings.state_dir)
    deletion = Deletion(trash, inspector, worktrees)
    verbs = Verbs(registry, slots, claims, preparations, deletion, boot, launch)
    executions = Executions(launcher, claims, lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
    box = Box(
        epoch=us.epoch,
        registry=registry,
        slots=slots,
        projects=projects,
        switches=Switches(settings, slots, projects, lookout, index, watches),
        creation=creation,
        verbs=verbs,
        contents=Contents(inspector),
        executions=executions,
        remotes=keepers.remotes,
        launcher=launcher,
        house=House(settings.state_dir, registry, claims, trash, inspector),
        room=room,
        lookout=lookout,
        errands=errands,
        watches=watches,
        pairings=pairings,
        stopping=stopping,
    )
    return Parts(box, keepers, index, worktrees, deletion)


async def adopt_all(parts: Parts) -> None:
    """Take up what an earlier supervisor left: living workers, ended sessions, and trees that were half made."""
    box = parts.box
    await box.lookout.look()
    for notice in box.lookout.notices(box.switches.settings.spawn_mode):
        log.warning("project_trouble", detail=notice)
    await parts.deletion.recover()
    await trio.to_thread.run_sync(tidy_uploads, box.registry.directory)
    index = await parts.index.facts()
    found = await trio.to_thread.run_sync(take_inventory, box.registry.directory, index)
    bundleless = index.keys() - {each.spec.id for each in found}
    if bundleless:
        await parts.index.save_facts({}, sorted(bundleless))
    registered = [(box.registry.add(each.spec, each.facts), each.is_over) for each in found]
    living = [session for session, is_over in registered if not is_over]
    if box.switches.settings.spawn_mode == "session":
        refuse_others((session.spec, session.facts) for session in living)
    for session in living:
        box.slots.count(session.id)
    await parts.keepers.adopt(living)
    await parts.worktrees.recover(lambda id: has_bundle(box.registry.directory, id))


def refuse_others(living: Iterable[tuple[Spec, Facts]]) -> None:
    """Raises Refused when one of these sessions was not made in `session` mode, for a box that is to be in it."""
    names = [facts.name for spec, facts in living if spec.spawn_mode != "session"]
    if names:
        raise Refused(
            "configuration",
            f"--spawn session serves one session, and others live here: {', '.join(names)}",
            "end them with rc stop, or serve with --spawn same-dir",
        )


async def create_session_in_dir(parts: Parts) -> None:
    """One session in the first project's directory, unless one that was made that way is live or suspended.

    What is wrong with it is no reason not to serve. It is made to its end also when this is cancelled.
    """
    made = (s for s in parts.box.registry if s.spec.made_by == "serve" and not s.facts.archived)
    if any(not s.ended or s.facts.state.value == "suspended" for s in made):
        return
    wish = Wish(spawn_mode="same-dir", made_by="serve")
    done = await attempt(partial(parts.box.create, wish, OWNER))
    if isinstance(done, outcome.Error) and isinstance(done.error, Refused):  # full, or no room
        log.warning("no_session_in_directory", code=done.error.code, detail=done.error.detail)


def resume_what_was_cut(parts: Parts) -> None:
    """Have every session resumed whose agent was ended by a reboot or a crash (`rc serve --continue`), side by side:
    an agent that hangs in its start holds up neither the others nor the box."""
    for session in parts.box.registry:
        ended_by = (session.facts.exit or {}).get("reason")
        if session.ended and not session.facts.archived and ended_by in ("lost", "rebooted"):
            parts.box.errands.start(partial(_resume, parts.box, session))


async def _resume(box: Box, session: Session) -> None:
    done = await attempt(partial(box.verbs.resume, session, OWNER))
    if isinstance(done, outcome.Error) and isinstance(done.error, Refused):  # full, or its directory is gone
        log.warning("not_resumed", session=session.id, code=done.error.code, detail=done.error.detail)
