"""Where branches are, and who works on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.sessions import branches
from supervisor.sessions.repositories import Repository, discover
from tests.gitrepos import commit, git, repository


@pytest.fixture
async def found(tmp_path: Path) -> Repository:
    repository(tmp_path / "app")
    found = await discover(str(tmp_path / "app"))
    assert found is not None
    return found


async def test_a_branch_is_at_its_commit_and_a_missing_one_nowhere(found: Repository) -> None:
    assert await branches.at(found, "main") == git(found.root, "rev-parse", "HEAD")
    assert await branches.at(found, "none") is None
    git(found.root, "branch", "rc/one")
    assert await branches.at(found, "rc") is None  # a directory of branches is none


async def test_a_branch_is_in_use_where_any_tree_is_on_it(found: Repository, tmp_path: Path) -> None:
    git(found.root, "branch", "topic")
    assert await branches.is_in_use(found, "main")
    assert not await branches.is_in_use(found, "topic")
    git(found.root, "worktree", "add", "-q", str(tmp_path / "tree"), "topic")
    assert await branches.is_in_use(found, "topic")


def test_a_registration_is_taken_off_its_branch_and_off_no_other(tmp_path: Path) -> None:
    for text, after in (
        ("ref: refs/heads/rc/x\n", "1" * 40 + "\n"),
        ("ref: refs/heads/other\n", "ref: refs/heads/other\n"),
    ):
        (tmp_path / "HEAD").write_text(text)
        branches.detach(str(tmp_path), "rc/x", "1" * 40)
        assert (tmp_path / "HEAD").read_text() == after


def test_without_a_commit_it_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "HEAD").write_text("ref: refs/heads/rc/x\n")
    branches.detach(str(tmp_path), "rc/x", None)
    assert (tmp_path / "HEAD").read_text() == "ref: refs/heads/rc/x\n"


async def test_a_commit_moves_a_branch(found: Repository) -> None:
    made = commit(Path(found.root), {"more": "x"})
    assert await branches.at(found, "main") == made
