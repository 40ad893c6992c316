"""What a spawn mode means for the directory of a session."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervisor.sessions.bases import Fetcher
from supervisor.sessions.projects import Project
from supervisor.sessions.workspaces import Workspace, Workspaces, can_have_trees
from supervisor.sessions.worktrees import Worktrees
from tests.gitrepos import clone, commit, empty_repository, git, repository, traces
from workers.core.spec import Spec
from workers.errors import Refused

SESSION = "session_0b9c1d2e-0000-4000-8000-000000000001"


@pytest.fixture
def workspaces(tmp_path: Path) -> Workspaces:
    return Workspaces(Worktrees(str(tmp_path / "state")), Fetcher())


def spec(project: Path, workspace: Workspace) -> Spec:
    return Spec(
        id=SESSION,
        name="fix",
        agent="shell",
        adapter="terminal",
        argv=("sh",),
        env={},
        workspace=workspace.path,
        project="app",
        project_path=str(project),
        spawn_mode="worktree",
        created_at="2024-01-01T00:00:00.000Z",
        person="owner",
        branch=workspace.branch,
        base_commit=workspace.base_commit,
        base_ref=workspace.base_ref,
    )


@pytest.mark.parametrize("mode", ["same-dir", "session"])
async def test_in_the_project_itself_the_base_is_its_head(workspaces: Workspaces, tmp_path: Path, mode: str) -> None:
    path = repository(tmp_path / "app")
    before = traces(path)
    workspace = await workspaces.prepare(SESSION, mode, str(path), "fix", None)
    assert workspace == Workspace(str(path), None, git(path, "rev-parse", "HEAD"), "main")
    assert traces(path) == before
    git(path, "checkout", "--quiet", "--detach")
    assert (await workspaces.prepare(SESSION, mode, str(path), "fix", None)).base_ref == "HEAD"


@pytest.mark.parametrize(("neighbours", "verb"), [(["a"], "a works"), (["a", "b"], "a, b work")])
async def test_who_works_in_the_same_directory_is_told(
    workspaces: Workspaces, tmp_path: Path, neighbours: list[str], verb: str
) -> None:
    workspace = await workspaces.prepare(SESSION, "same-dir", str(tmp_path), "fix", None, neighbours)
    assert workspace.notices == (f"{verb} in {tmp_path} too: all change the same files",)


async def test_outside_git_the_project_itself_has_no_base(workspaces: Workspaces, tmp_path: Path) -> None:
    assert await workspaces.prepare(SESSION, "same-dir", str(tmp_path), "fix", None) == Workspace(str(tmp_path))
    path = empty_repository(tmp_path / "app")
    assert await workspaces.prepare(SESSION, "same-dir", str(path), "fix", None) == Workspace(str(path))


async def test_a_second_session_in_one_directory_is_warned_of_the_first(workspaces: Workspaces, tmp_path: Path) -> None:
    workspace = await workspaces.prepare(SESSION, "same-dir", str(tmp_path), "fix", None, ["shell-1", "shell-2"])
    assert len(workspace.notices) == 1 and workspace.notices[0].startswith("shell-1, shell-2 ")


async def test_a_base_without_a_worktree_is_refused(workspaces: Workspaces, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="worktree mode only") as refusal:
        await workspaces.prepare(SESSION, "same-dir", str(tmp_path), "fix", "main")
    assert refusal.value.code == "invalid"


async def test_a_worktree_is_fresh_unless_another_base_is_asked_for(workspaces: Workspaces, tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin")
    copy = clone(origin, tmp_path / "app")
    old = git(copy, "rev-parse", "HEAD")
    new = commit(origin, {"news": "1"})
    workspace = await workspaces.prepare(SESSION, "worktree", str(copy), "Fix Login", None)
    assert (workspace.base_commit, workspace.base_ref, workspace.notices) == (new, "origin/main", ())
    assert os.path.basename(workspace.path).startswith("fix-login-")
    assert workspace.branch == "rc/" + os.path.basename(workspace.path)
    workspace = await workspaces.prepare(SESSION, "worktree", str(copy), "修复", "head")
    assert (workspace.base_commit, workspace.base_ref) == (old, "main")
    assert os.path.basename(workspace.path).startswith("session-")


async def test_a_project_below_the_top_is_told_where_its_session_works(workspaces: Workspaces, tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    workspace = await workspaces.prepare(SESSION, "worktree", str(path / "sub" / "deep"), "fix", None)
    assert git(workspace.path, "rev-parse", "--show-toplevel") == workspace.path
    assert any("sub/deep" in notice for notice in workspace.notices)


async def test_a_bare_project_has_worktrees_without_further_words(workspaces: Workspaces, tmp_path: Path) -> None:
    origin = repository(tmp_path / "app")
    git(tmp_path, "clone", "--quiet", "--bare", str(origin), "app.git")
    workspace = await workspaces.prepare(SESSION, "worktree", f"{tmp_path}/app.git", "fix", None)
    assert workspace.notices == ()


@pytest.mark.parametrize("mode", ["same-dir", "worktree", "session"])
async def test_a_project_that_has_vanished_is_gone_in_every_mode(
    workspaces: Workspaces, tmp_path: Path, mode: str
) -> None:
    with pytest.raises(Refused) as refusal:
        await workspaces.prepare(SESSION, mode, f"{tmp_path}/gone", "fix", None)
    assert refusal.value.code == "project_gone"


async def test_outside_git_there_are_no_worktrees(workspaces: Workspaces, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        await workspaces.prepare(SESSION, "worktree", str(tmp_path), "fix", None)
    assert refusal.value.code == "not_a_repository"
    path = empty_repository(tmp_path / "app")
    with pytest.raises(Refused, match="has no commit on its branch main yet"):
        await workspaces.prepare(SESSION, "worktree", str(path), "fix", None)
    assert not (tmp_path / "state").exists()


async def test_worktrees_can_be_had_where_one_project_has_a_commit(tmp_path: Path) -> None:
    empty = empty_repository(tmp_path / "empty")
    others = [Project("gone", f"{tmp_path}/gone"), Project("plain", str(tmp_path)), Project("empty", str(empty))]
    assert not await can_have_trees(others)
    assert await can_have_trees([*others, Project("app", str(repository(tmp_path / "app")))])


async def test_what_was_prepared_is_undone_until_the_agent_was_started(workspaces: Workspaces, tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    before = traces(path)
    workspace = await workspaces.prepare(SESSION, "worktree", str(path), "fix", None)
    await workspaces.undo(spec(path, workspace))
    assert traces(path) == before
    assert not os.path.exists(workspace.path)

    workspace = await workspaces.prepare(SESSION, "worktree", str(path), "fix", None)
    workspaces.settle(spec(path, workspace))
    await workspaces.undo(spec(path, workspace))
    assert os.path.exists(workspace.path)


async def test_the_project_itself_is_never_undone(workspaces: Workspaces, tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    workspace = await workspaces.prepare(SESSION, "same-dir", str(path), "fix", None)
    workspaces.settle(spec(path, workspace))
    await workspaces.undo(spec(path, workspace))
    assert (path / "README").exists()
