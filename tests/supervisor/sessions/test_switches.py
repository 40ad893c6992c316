"""What people change on the box: kept for the next start, told to all, and refused whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.core.access import OWNER
from supervisor.core.admission import Slots
from supervisor.records import remembered
from supervisor.serveoptions import ServeOptions
from supervisor.sessions.index import Index
from supervisor.sessions.lookout import Lookout
from supervisor.sessions.projects import Project, Projects
from supervisor.sessions.switches import Switches
from supervisor.sessions.watch import BOX, Watches
from supervisor.store import Store
from tests.gitrepos import repository
from tests.supervisor.sessions.livebox import settings_of
from tests.supervisor.sessions.test_index import FillingStore
from tests.supervisor.sessions.wholebox import whole_box
from workers.errors import Refused


async def test_a_change_counts_at_once_and_is_kept_with_who_made_it(tmp_path: Path) -> None:
    repository(tmp_path / "app")
    async with whole_box(tmp_path, ServeOptions()) as parts:
        switches = parts.box.switches
        with parts.box.watch() as watch:
            await switches.change(OWNER, spawn_mode="worktree", capacity=3, name="workshop")
            assert BOX in await watch.next()
        assert (switches.settings.spawn_mode, switches.settings.name) == ("worktree", "workshop")
        assert parts.box.slots.capacity == 3 and switches.mode_for(None) == "worktree"
        origin = switches.settings.origins["capacity"]
        assert (origin.source, origin.who) == ("runtime", "owner")
    async with Store.open(str(tmp_path / "state" / "box.sqlite")) as store:
        kept = await store.read(remembered)
        assert {key: found.value for key, found in kept.items()} == {
            "spawn_mode": "worktree",
            "capacity": 3,
            "name": "workshop",
        }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "other", "spawn_mode": "worktree"}, "not_a_repository"),
        ({"name": "other", "capacity": 0}, "invalid"),
        ({"capacity": 7, "name": "a\u202eb"}, "invalid"),
    ],
)
async def test_what_cannot_be_had_as_a_whole_changes_nothing(tmp_path: Path, change: dict[str, str], code: str) -> None:
    async with whole_box(tmp_path, ServeOptions(name="workshop", capacity=5)) as parts:
        before = parts.box.switches.settings
        with pytest.raises(Refused) as refused:
            await parts.box.switches.change(OWNER, **change)  # type: ignore[arg-type]  # rows of a table
        assert refused.value.code == code
        assert parts.box.switches.settings == before and parts.box.slots.capacity == 5


async def test_a_box_in_session_mode_stays_in_it(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions(spawn="session")) as parts:
        for change in ({"spawn_mode": "same-dir"}, {"capacity": 2}):
            with pytest.raises(Refused) as refused:
                await parts.box.switches.change(OWNER, **change)
            assert refused.value.code == "mode_fixed"


async def test_a_project_that_cannot_be_written_down_neither_comes_nor_goes(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    projects, watches = Projects([Project("app", str(tmp_path))]), Watches()
    lookout = Lookout(settings_of(tmp_path), projects, lambda: None)
    async with FillingStore.open(str(tmp_path / "box.sqlite")) as store:
        assert isinstance(store, FillingStore)
        switches = Switches(settings_of(tmp_path), Slots(1), projects, lookout, Index(store), watches)
        store.refusing = 2
        for deed in (switches.add_project(str(other), OWNER), switches.remove_project("app", OWNER)):
            with pytest.raises(Refused) as refused:
                await deed
            assert refused.value.code == "disk_full"
            assert [project.id for project in projects] == ["app"]


async def test_projects_come_and_go_and_are_kept(tmp_path: Path) -> None:
    other = repository(tmp_path / "other")
    async with whole_box(tmp_path, ServeOptions()) as parts:
        switches = parts.box.switches
        shown = {"id": "other", "path": str(other), "git": True, "branch": "main"}
        assert await switches.add_project(str(other), OWNER) == shown
        assert shown in parts.box.describe_projects()
        assert await switches.remove_project("app", OWNER) == {
            "id": "app", "path": str(tmp_path / "app"), "git": False, "branch": None,
        }  # fmt: skip
        assert parts.box.describe_projects() == [shown]
    async with Store.open(str(tmp_path / "state" / "box.sqlite")) as store:
        assert [project.id for project in await Index(store).projects()] == ["other"]
