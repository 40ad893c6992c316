"""What is shown of projects and agents follows the disk, and nobody is held up by the looking."""

from __future__ import annotations

import os
from pathlib import Path

import trio
import trio.lowlevel
import trio.testing

from supervisor.serveoptions import ServeOptions
from supervisor.sessions.lookout import LOOK_SECONDS, PATIENCE, Lookout
from supervisor.sessions.projects import Project, Projects
from supervisor.settings import settle_all
from tests.gitrepos import clone, git, repository


class Looking:
    """A lookout over a box with the agent `tool`, and how often it said that something has changed."""

    def __init__(self, home: Path, projects: Projects) -> None:
        self.tool = home / "bin" / "tool"
        self.tool.parent.mkdir(exist_ok=True)
        config = home / "box.toml"
        config.write_text('[agents.tool]\nadapter = "terminal"\ncommand = ["tool"]\n')
        environ = {"PATH": str(self.tool.parent), "RC_CONFIG": str(config)}
        self.changes = 0
        self.lookout = Lookout(settle_all(ServeOptions(), environ, {}), projects, self._changed)

    def _changed(self) -> None:
        self.changes += 1

    def why_no_tool(self) -> object:
        return next(agent["why"] for agent in self.lookout.agents if agent["name"] == "tool")


async def test_branches_are_read_where_git_would_look(tmp_path: Path) -> None:
    async def shown(path: Path) -> tuple[object, object]:
        projects = Projects([Project("x", str(path))])
        lookout = Looking(tmp_path, projects).lookout
        await lookout.look()
        facts = lookout.describe(projects.find("x"))
        return facts["git"], facts["branch"]

    app = repository(tmp_path / "app")
    git(app, "switch", "--quiet", "-c", "trunk")
    git(app, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    assert await shown(app) == (True, "trunk")
    assert await shown(app / "sub") == (True, "trunk")
    assert await shown(tmp_path / "side") == (True, "side")
    assert await shown(clone(app, tmp_path / "copy")) == (True, "trunk")
    git(app, "checkout", "--quiet", "--detach")
    assert await shown(app) == (True, None)
    assert await shown(tmp_path) == (False, None)
    (tmp_path / ".git").write_text("nonsense")
    assert await shown(tmp_path) == (False, None)


async def test_programs_come_and_go(tmp_path: Path) -> None:
    looking = Looking(tmp_path, Projects([]))
    await looking.lookout.look()
    assert looking.why_no_tool() == "there is no program tool"
    looking.tool.write_text("#!/bin/sh\n")
    looking.tool.chmod(0o755)
    await looking.lookout.look()
    assert looking.why_no_tool() is None


async def test_only_what_is_new_is_told(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    looking = Looking(tmp_path, Projects([Project("app", str(app))]))
    assert not looking.lookout.sees_a_project
    for _ in range(2):
        await looking.lookout.look()
    assert looking.changes == 1 and looking.lookout.sees_a_project
    os.rmdir(app)
    await looking.lookout.look()
    assert looking.changes == 2 and not looking.lookout.sees_a_project


async def test_a_project_that_is_away_is_told_and_so_is_one_without_trees(tmp_path: Path) -> None:
    app = repository(tmp_path / "app")
    looking = Looking(tmp_path, Projects([Project("app", str(app))]))
    await looking.lookout.look()
    assert looking.lookout.notices("worktree") == []
    app.rename(tmp_path / "away")
    await looking.lookout.look()
    (gone,) = looking.lookout.notices("same-dir")
    assert gone.startswith(f"{app} is not there any more; ") and "rc project remove app" in gone
    assert looking.lookout.notices("worktree")[0] == gone
    app.mkdir()
    await looking.lookout.look()
    (told,) = looking.lookout.notices("worktree")
    assert "git repository" in told and looking.lookout.notices("same-dir") == []


async def test_a_project_that_hangs_keeps_nobody_waiting_and_costs_one_thread(
    tmp_path: Path, mock_clock: trio.testing.MockClock
) -> None:
    app = repository(tmp_path / "app")
    head = app / ".git" / "HEAD"
    looking = Looking(tmp_path, Projects([Project("app", str(app))]))
    mock_clock.autojump_threshold = 0.05  # real seconds, for the thread to come back in
    await looking.lookout.look()
    seen = looking.lookout.describe(Project("app", str(app)))
    kept = head.read_bytes()
    head.unlink()
    os.mkfifo(head)  # opening it waits for a writer, as for a server that is down
    for _ in range(3):
        await looking.lookout.look()
        assert looking.lookout.describe(Project("app", str(app))) == seen
    assert trio.current_time() <= 2 * PATIENCE  # only the first of them has waited
    with head.open("wb") as waited_for:
        head.unlink()
        head.write_bytes(kept.replace(b"main", b"other"))
        waited_for.write(kept)
    while looking.lookout.describe(Project("app", str(app)))["branch"] != "other":
        await looking.lookout.look()
        await trio.lowlevel.checkpoint()


async def test_it_looks_again_by_itself(tmp_path: Path, mock_clock: trio.testing.MockClock) -> None:
    mock_clock.autojump_threshold = 0.05
    looking = Looking(tmp_path, Projects([Project("app", str(tmp_path))]))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(looking.lookout.watch)
        await trio.sleep(LOOK_SECONDS * 1.5)
        nursery.cancel_scope.cancel()
    assert looking.lookout.sees_a_project
