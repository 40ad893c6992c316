"""What a box finds when it is put together."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from supervisor.assembly import find_projects, next_epoch
from supervisor.cli.options import ServeOptions
from supervisor.sessions.index import Index
from supervisor.settings import Settings, settle_all
from supervisor.store import Store
from tests.supervisor.web.boxes import git
from workers.errors import Refused


def settings(folder: Path, spawn: str = "same-dir") -> Settings:
    config = folder / "box.toml"
    config.touch()
    return settle_all(ServeOptions(spawn=spawn, config=str(config)), {"PATH": os.defpath}, {})


@asynccontextmanager
async def store_in(folder: Path) -> AsyncIterator[Store]:
    async with Store.open(str(folder / "box.sqlite")) as store:
        yield store


async def test_the_current_directory_is_served_only_where_there_would_be_none(tmp_path: Path) -> None:
    here, named = tmp_path / "here", tmp_path / "named"
    here.mkdir()
    named.mkdir()
    async with store_in(tmp_path) as store:
        index = Index(store)
        found = await find_projects(index, settings(tmp_path), (), str(here))
        assert [project.path for project in found] == [str(here)]
        found = await find_projects(index, settings(tmp_path), (str(named),), str(here))
        assert [project.path for project in found] == [str(named)]
        await index.save_projects(found)
        found = await find_projects(index, settings(tmp_path), (), str(here))
        assert [project.path for project in found] == [str(named)]
        found = await find_projects(index, settings(tmp_path), (str(here),), str(here))
        assert sorted(project.path for project in found) == [str(here), str(named)]


async def test_a_directory_that_is_not_there_cannot_be_served(tmp_path: Path) -> None:
    async with store_in(tmp_path) as store:
        with pytest.raises(Refused, match="nowhere"):
            await find_projects(Index(store), settings(tmp_path), (str(tmp_path / "nowhere"),), str(tmp_path))


async def test_worktrees_need_a_repository_with_a_commit(tmp_path: Path) -> None:
    here = tmp_path / "app"
    here.mkdir()
    async with store_in(tmp_path) as store:
        for _ in range(2):
            with pytest.raises(Refused) as refused:
                await find_projects(Index(store), settings(tmp_path, "worktree"), (), str(here))
            assert (refused.value.code, str(here) in refused.value.detail) == ("not_a_repository", True)
            git(here, "init", "-q")
        git(here, "commit", "-q", "--allow-empty", "-m", "begin")
        found = await find_projects(Index(store), settings(tmp_path, "worktree"), (), str(here))
        assert [project.path for project in found] == [str(here)]


async def test_each_start_is_one_above_all_that_this_box_has_seen(tmp_path: Path) -> None:
    sessions = tmp_path / "sessions"
    (sessions / "session_1").mkdir(parents=True)
    async with store_in(tmp_path) as store:
        first = await next_epoch(store, str(sessions))
        second = await next_epoch(store, str(sessions))
        assert (first.epoch, second.epoch) == (1, 2)
        assert first != second
        # A store that was lost forgets; the workers do not.
        (sessions / "session_1" / "epoch.json").write_text(json.dumps({"epoch": 40}))
        assert (await next_epoch(store, str(sessions))).epoch == 41
        (sessions / "session_1" / "epoch.json").write_text("{")
        assert (await next_epoch(store, str(sessions))).epoch == 42
