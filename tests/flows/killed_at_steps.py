"""A program for a test: a deletion, or its undoing, that kills itself with SIGKILL before its n-th change to the disk,
and then what the next start makes of it; for every n.

Usage: python -m tests.flows.killed_at_steps HOME delete|restore. HOME holds a repository `app`. Prints how many steps
there were; ends with an error at the first one after which anything is missing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import trio

from supervisor.core.access import OWNER
from supervisor.sessions.creation import Wish
from supervisor.sessions.deletion import Deletion
from supervisor.sessions.inspect import Inspector
from supervisor.sessions.session import Session
from supervisor.sessions.trash import Trash
from supervisor.sessions.worktrees import Worktrees
from tests.gitrepos import git, traces
from tests.supervisor.sessions.livebox import LiveBox, live_box, until_true

CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree", "subprocess.Popen")
WRITING = os.O_CREAT | os.O_WRONLY | os.O_RDWR
MOST = 100  # steps; a deletion has some 30
KILLED = -signal.SIGKILL

Work = Callable[[Path], Awaitable[None]]


def die_before(step: int) -> None:
    """From here on: end before the `step`th change to the disk, in whatever thread, as if the power were cut."""
    left = step

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        is_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        if event in CHANGES or is_write:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


@contextlib.asynccontextmanager
async def started(home: Path) -> AsyncIterator[tuple[LiveBox, Trash]]:
    """The box as its start leaves it."""
    async with live_box(home) as box:
        trash = Trash(str(home))
        inspector = Inspector(box.launcher.ask, str(home / "scratch"))
        await Deletion(trash, inspector, Worktrees(str(home))).recover()
        box.take_up({})
        yield box, trash


async def make(home: Path) -> None:
    async with live_box(home) as box:
        session = await box.create(Wish(command=("true",), name="fix"), "worktree")
        await until_true(session, lambda: session in box.ended)


async def delete(home: Path, step: int) -> None:
    async with started(home) as (box, _):
        (session,) = box.registry
        die_before(step)
        await box.verbs.delete(session, OWNER)


async def restore(home: Path, step: int) -> None:
    async with started(home) as (box, trash):
        (entry,) = trash.entries()
        die_before(step)
        await box.verbs.restore(entry.id, OWNER)


async def look(home: Path, want_deleted: bool) -> None:
    """It is either there or in the trash, wholly; and then as it was before the step."""
    async with started(home) as (box, trash):
        there, away = list(box.registry), trash.entries()
        assert len(there) + len(away) == 1, f"{there} in the box, {away} in the trash"
        if away:
            assert away[0].done, "half deleted"
            there = [await box.verbs.restore(away[0].id, OWNER)]
        _check_whole(home, there[0])
        if want_deleted:
            await box.verbs.delete(there[0], OWNER)


def _check_whole(home: Path, session: Session) -> None:
    spec = session.spec
    assert session.facts.name == "fix" and session.facts.exit is not None
    assert git(spec.workspace, "status", "--porcelain", "--branch", "--ignored") == f"## {spec.branch}"
    assert git(spec.workspace, "log", "-g", "--format=%H") == spec.base_commit, "its reflog is there"
    worktrees, refs = traces(home / "app")
    assert len(worktrees) == 2 and f"worktree {spec.workspace}" in worktrees[1] and "locked rc session" in worktrees[1]
    assert sorted(refs) == ["refs/heads/main", f"refs/heads/{spec.branch}"]
    assert list(home.glob("trash/*")) == [] and os.listdir(home / "sessions") == [spec.id]
    git(home / "app", "fsck", "--no-dangling", "--connectivity-only")


def apart(work: Work, home: Path) -> int:
    """Do it in a process of its own; how that ended."""
    child = os.fork()
    if child == 0:
        trio.run(work, home)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(home: Path, verb: str) -> None:
    act = {"delete": delete, "restore": restore}[verb]
    check = partial(look, want_deleted=verb == "restore")
    assert apart(make, home) == 0 and apart(check, home) == 0
    for step in range(1, MOST):
        ended = apart(partial(act, step=step), home)
        assert ended in (0, KILLED), f"step {step} ended with {ended}"
        assert apart(check, home) == 0, f"after a kill before step {step}"
        if ended == 0:
            sys.stdout.write(f"{step - 1}\n")
            return
    raise AssertionError(f"more than {MOST} steps")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
