"""The directories that a box serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.supervisor.cli.calling import directory
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.web.boxes import ServedBox


def test_a_project_is_added_listed_and_removed(box: ServedBox, rc: Rc, tmp_path: Path) -> None:
    place = tmp_path / "extra"
    place.mkdir()
    with directory(tmp_path):
        assert rc("project", "add", "extra").out == f"{place} is served as extra\n"
    assert [line.split() for line in rc("project", "ls").out.splitlines()] == [
        ["ID", "PATH", "BRANCH"],
        ["app", str(box.project), "main"],
        ["extra", str(place), "no", "git"],
    ]
    assert rc("project", "remove", str(place), "--json").json["id"] == "extra"
    assert len(rc("project", "ls", "--json").json["projects"]) == 1


def test_a_project_whose_directory_is_gone_can_be_removed(rc: Rc, tmp_path: Path) -> None:
    place = tmp_path / "gone"
    place.mkdir()
    rc("project", "add", str(place))
    place.rmdir()
    assert rc("project", "remove", "gone").code == 0


def test_several_are_one_value_in_json(rc: Rc, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    added = rc("project", "add", str(tmp_path / "one"), str(tmp_path / "two"), "--json").json["results"]
    assert [project["id"] for project in added] == ["one", "two"]
    assert rc("project", "remove", "one", "two").out.count("no longer served") == 2


def test_a_project_that_is_not_served_is_exit_3(rc: Rc) -> None:
    assert rc("project", "remove", "nothing").code == 3


@pytest.mark.parametrize("words", [("add",), ("remove",), ("ls", "x"), ("nonsense",), ()])
def test_what_cannot_be_meant_is_a_usage_error(rc: Rc, words: tuple[str, ...]) -> None:
    assert rc("project", *words).code == 2
