import subprocess
from pathlib import Path

import pytest

from supervisor.sessions.projects import Project, Projects
from workers.errors import Refused


def directory(path: Path) -> str:
    path.mkdir(parents=True)
    return str(path)


def test_projects_are_named_after_their_directory(tmp_path: Path) -> None:
    projects = Projects([])
    assert projects.add(directory(tmp_path / "one" / "My App")).id == "my-app"
    assert projects.add(directory(tmp_path / "two" / "my app")).id == "my-app-2"
    assert [project.id for project in projects] == ["my-app", "my-app-2"]


def test_the_root_of_the_machine_has_a_name_too() -> None:
    assert Projects([]).add("/").id == "root"


def test_one_directory_is_one_project_by_whatever_path(tmp_path: Path) -> None:
    projects = Projects([])
    first = projects.add(directory(tmp_path / "app"))
    (tmp_path / "link").symlink_to(tmp_path / "app")
    assert projects.add(str(tmp_path / "link")) is first
    assert projects.find(str(tmp_path / "link")) is first
    assert projects.find("app") is first and projects.find(None) is first


@pytest.mark.parametrize("wanted", ["nope", "/nope", None])
def test_what_is_not_served_is_refused(wanted: str | None) -> None:
    with pytest.raises(Refused) as refused:
        Projects([]).find(wanted)
    assert refused.value.code == "unknown_project"


def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not a directory"):
        Projects([]).add(str(tmp_path / "nope"))


def test_a_removed_project_is_served_no_longer(tmp_path: Path) -> None:
    projects = Projects([Project("app", directory(tmp_path / "app"))])
    assert projects.remove("app").id == "app"
    assert list(projects) == []


def git(path: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "-C", str(path), *identity, *arguments], check=True, capture_output=True)


def test_branches_are_read_where_git_would_look(tmp_path: Path) -> None:
    app = Path(directory(tmp_path / "app"))
    git(app, "init", "-b", "trunk")
    git(app, "commit", "--allow-empty", "-m", "begin")
    git(app, "worktree", "add", "-b", "side", str(tmp_path / "side"))
    git(tmp_path, "clone", "--bare", str(app), str(tmp_path / "bare.git"))
    (app / "below").mkdir()

    def shown(path: Path) -> tuple[object, object]:
        facts = Project("x", str(path)).describe()
        return facts["git"], facts["branch"]

    assert shown(app) == (True, "trunk")
    assert shown(app / "below") == (True, "trunk")
    assert shown(tmp_path / "side") == (True, "side")
    assert shown(tmp_path / "bare.git") == (True, "trunk")
    git(app, "checkout", "--detach")
    assert shown(app) == (True, None)
    assert shown(tmp_path) == (False, None)
    (tmp_path / ".git").write_text("nonsense")
    assert shown(tmp_path) == (False, None)
