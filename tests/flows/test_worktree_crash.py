"""A supervisor killed while it makes trees: the next one finds a git that still writes, and leaves nothing of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from supervisor.sessions.worktrees import Worktrees
from tests.gitrepos import alive, commit, git, repository, traces
from tests.waiting import until

MAKER = """
import sys, trio
from supervisor.sessions.bases import Fetcher, resolve_base
from supervisor.sessions.repositories import discover
from supervisor.sessions.worktrees import Worktrees

async def main(project, state, count):
    repository = await discover(project)
    base = await resolve_base(repository, "head", Fetcher())
    print("making", flush=True)
    worktrees = Worktrees(state)
    async with trio.open_nursery() as nursery:
        for number in range(int(count)):
            nursery.start_soon(worktrees.create, repository, f"session_{number}", "fix", base)

trio.run(main, *sys.argv[1:])
"""


def maker(project: Path, state: Path, count: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", MAKER, str(project), str(state), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def left(state: Path) -> list[str]:
    """Everything in the state directory but lock files and the directories of repositories."""
    home = state / "worktrees"
    return sorted(name for folder in home.iterdir() for name in os.listdir(folder) if name != ".lock")


def test_a_git_that_outlives_its_supervisor_is_ended_and_its_tree_taken_back(tmp_path: Path) -> None:
    project = repository(tmp_path / "app")
    commit(project, {".gitattributes": "blocked filter=block\n", "blocked": "1"})
    note = tmp_path / "smudge"
    git(project, "config", "filter.block.smudge", f"echo $$ > {note}.new; mv {note}.new {note}; sleep 100")
    before = traces(project)
    process = maker(project, tmp_path / "state", 1)
    until(note.exists)
    kill(process)
    smudge = int(note.read_text())
    assert alive(smudge)
    trio.run(Worktrees(str(tmp_path / "state")).recover, lambda session: False)
    assert not alive(smudge)
    assert traces(project) == before
    assert left(tmp_path / "state") == []


@pytest.mark.parametrize("milliseconds", [5, 20, 60, 120])
def test_killed_at_whatever_moment_the_next_start_leaves_nothing(tmp_path: Path, milliseconds: int) -> None:
    project = repository(tmp_path / "app")
    commit(project, {f"file{number}": "text\n" * 50 for number in range(100)})
    before = traces(project)
    process = maker(project, tmp_path / "state", 12)
    assert process.stdout is not None
    assert process.stdout.readline() == b"making\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(milliseconds / 1000)
    kill(process)
    trio.run(Worktrees(str(tmp_path / "state")).recover, lambda session: False)
    assert traces(project) == before
    assert left(tmp_path / "state") == []
    git(project, "fsck", "--no-dangling", "--connectivity-only")
