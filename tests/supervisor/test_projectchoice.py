"""What a box serves when it starts, and what it is refused for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervisor.projectchoice import choose
from supervisor.records import Remembered
from supervisor.serveoptions import ServeOptions
from supervisor.sessions.projects import Project
from supervisor.settings import Settings, settle_all
from tests.gitrepos import repository
from tests.supervisor.cli.calling import directory
from workers.errors import Refused

REMEMBERED = {"spawn_mode": Remembered("worktree", "flag", "owner", "2026-01-01T00:00:00.000Z")}


def settings(home: Path, spawn: str | None) -> Settings:
    """With a mode that is asked for now; None is worktree mode that was asked for once."""
    options = ServeOptions(spawn=spawn, state_dir=str(home / "state"))
    return settle_all(options, {"HOME": str(home), "PATH": os.defpath}, REMEMBERED)


async def paths(home: Path, spawn: str | None, *named: Path, known: tuple[Path, ...] = ()) -> list[str]:
    projects = [Project(path.name, str(path)) for path in known]
    return [project.path for project in await choose(projects, settings(home, spawn), tuple(map(str, named)))]


async def refused(home: Path, *named: Path, known: tuple[Path, ...] = ()) -> Refused:
    with pytest.raises(Refused) as caught:
        await paths(home, "worktree", *named, known=known)
    return caught.value


async def test_what_is_named_is_added_and_here_counts_only_where_nothing_else_does(tmp_path: Path) -> None:
    (app := tmp_path / "app").mkdir()
    (other := tmp_path / "other").mkdir()
    assert await paths(tmp_path, "same-dir", other, known=(app,)) == [str(app), str(other)]
    assert await paths(tmp_path, "same-dir", known=(app,)) == [str(app)]
    with directory(other):
        assert await paths(tmp_path, "same-dir") == [str(other)]


async def test_a_directory_that_is_gone_below_us_is_refused_only_where_it_is_meant(tmp_path: Path) -> None:
    (here := tmp_path / "here").mkdir()
    (app := tmp_path / "app").mkdir()
    with directory(here):
        here.rmdir()
        assert await paths(tmp_path, "same-dir", known=(app,)) == [str(app)]
        with pytest.raises(Refused, match="current directory"):
            await paths(tmp_path, "same-dir")


async def test_worktrees_asked_for_where_nobody_can_have_them_are_refused_with_the_true_cause(tmp_path: Path) -> None:
    (plain := tmp_path / "plain").mkdir()
    gone = tmp_path / "gone"
    refusal = await refused(tmp_path, plain)
    assert refusal.code == "not_a_repository" and "git init" in refusal.hint
    refusal = await refused(tmp_path, known=(gone,))
    assert refusal.code == "project_gone" and "git init" not in refusal.hint
    assert f"{gone} is not there any more" in refusal.detail
    refusal = await refused(tmp_path, known=(gone, plain))
    assert f"{plain} is none and {gone} is not there any more" in refusal.detail
    app = repository(tmp_path / "app")
    assert await paths(tmp_path, "worktree", known=(gone, app)) == [str(gone), str(app)]


async def test_worktrees_asked_for_once_are_no_reason_not_to_start(tmp_path: Path) -> None:
    assert await paths(tmp_path, None, known=(tmp_path / "gone",)) == [str(tmp_path / "gone")]
