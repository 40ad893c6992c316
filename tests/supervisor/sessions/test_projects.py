from pathlib import Path

import pytest
import trio

from supervisor.sessions.projects import Project, Projects
from workers.errors import Refused


def directory(path: Path) -> str:
    path.mkdir(parents=True)
    return str(path)


async def test_projects_are_named_after_their_directory(tmp_path: Path) -> None:
    projects = Projects([])
    assert (await projects.add(directory(tmp_path / "one" / "My App"))).id == "my-app"
    assert (await projects.add(directory(tmp_path / "two" / "my app"))).id == "my-app-2"
    assert [project.id for project in projects] == ["my-app", "my-app-2"]


async def test_the_root_of_the_machine_has_a_name_too() -> None:
    assert (await Projects([]).add("/")).id == "root"


async def test_one_directory_is_one_project_by_whatever_path(tmp_path: Path) -> None:
    projects = Projects([])
    first = await projects.add(directory(tmp_path / "app"))
    (tmp_path / "link").symlink_to(tmp_path / "app")
    assert await projects.add(str(tmp_path / "link")) is first
    assert await projects.locate(str(tmp_path / "link")) is first
    for wanted in ("app", first.path, None):
        assert projects.find(wanted) is first and await projects.locate(wanted) is first


@pytest.mark.parametrize("wanted", ["nope", "/nope", None])
async def test_what_is_not_served_is_refused(wanted: str | None) -> None:
    with pytest.raises(Refused) as refused:
        await Projects([]).locate(wanted)
    assert refused.value.code == "unknown_project"


async def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not a directory"):
        await Projects([]).add(str(tmp_path / "nope"))


async def test_the_boxes_own_state_is_no_place_to_work_but_a_tree_is(tmp_path: Path) -> None:
    state = tmp_path / "state"
    tree = directory(state / "worktrees" / "app" / "one")
    (tmp_path / "link").symlink_to(state)
    projects = Projects([], str(tmp_path / "link"))
    for path in (state, tmp_path / "link", state / "worktrees", Path(directory(state / "sessions"))):
        with pytest.raises(Refused, match="where the box keeps its state"):
            await projects.add(str(path))
    for path in (Path(tree), tmp_path, Path(directory(tmp_path / "state-2"))):
        await projects.add(str(path))


def test_a_removed_project_is_served_no_longer(tmp_path: Path) -> None:
    projects = Projects([Project("app", directory(tmp_path / "app"))])
    assert projects.remove("app").id == "app"
    assert list(projects) == []


async def test_one_that_is_served_is_given_back_also_while_it_is_away(tmp_path: Path) -> None:
    projects = Projects([Project("app", str(tmp_path / "app"))])
    assert (await projects.add(str(tmp_path / "app"))).id == "app"


async def test_two_that_are_added_at_once_get_two_names(tmp_path: Path) -> None:
    projects = Projects([])
    paths = [directory(tmp_path / where / "app") for where in ("one", "two", "three")]
    async with trio.open_nursery() as nursery:
        for path in paths:
            nursery.start_soon(projects.add, path)
    assert {project.id for project in projects} == {"app", "app-2", "app-3"}
