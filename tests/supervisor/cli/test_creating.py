"""Verbs that make sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.cli.creating import project_around
from tests.supervisor.cli.calling import directory
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.cli.oddbox import OddBox
from tests.supervisor.web.boxes import ServedBox


def test_new_makes_a_session_and_says_which(box: ServedBox, rc: Rc) -> None:
    called = rc("new", "--agent", "echo", "--name", "made here")
    assert called.code == 0
    assert called.out.startswith("made here  running  session_")
    assert called.out.endswith(f"{box.project}\n")


def test_new_prints_the_answer_of_the_route(box: ServedBox, rc: Rc) -> None:
    made = rc("new", "hello", "--agent", "echo", "--json").json
    assert made["id"] == box.session(made["id"])["id"]
    rc("wait", made["id"], "--until", "idle")
    assert "owner: hello" in rc("logs", made["id"]).out


def test_everything_that_is_wished_is_asked_for(odd: OddBox, odd_rc: Rc, tmp_path: Path) -> None:
    odd.answer("GET", "/v1/box", {"projects": []})
    odd.answer("POST", "/v1/code/sessions", {"id": "session_1", "name": "n", "state": "running", "workspace": "/w"})
    words = ("--project", str(tmp_path), "--spawn", "worktree", "--base", "head", "--env", "A=1", "--env", "B=x=y")
    odd_rc("new", *words, "--name", "n", "--", "sh", "-c", "--json")
    asked = odd.asked[-1].json
    assert asked == {
        "project": str(tmp_path),
        "name": "n",
        "spawn_mode": "worktree",
        "base": "head",
        "env": {"A": "1", "B": "x=y"},
        "command": ["sh", "-c", "--json"],
    } | {key: asked[key] for key in ("rows", "columns") if key in asked}


def test_without_a_project_it_is_that_around_the_current_directory(box: ServedBox, rc: Rc, tmp_path: Path) -> None:
    inner = tmp_path / "outer" / "inner" / "deep"
    inner.mkdir(parents=True)
    rc("project", "add", str(tmp_path / "outer"), str(tmp_path / "outer" / "inner"))
    with directory(inner):
        assert rc("new", "--agent", "echo", "--json").json["project"] == "inner"
    with directory("/"):
        assert rc("new", "--agent", "echo", "--json").json["project"] == "app"
    rc("project", "remove", "inner", "outer")


def test_the_innermost_project_counts() -> None:
    projects = [{"id": "a", "path": "/a"}, {"id": "b", "path": "/a/b"}, {"id": "c", "path": "/a/bc"}]
    assert project_around(projects, "/a/b/c") == "b"
    assert project_around(projects, "/a/bcd") == "a"
    assert project_around(projects, "/") is None
    assert project_around([], "/a") is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--env", "no-sign"), 2),
        (("--env", "=x"), 2),
        (("--spawn", "session"), 2),
        (("--",), 2),
        (("--agent", "no-such-agent"), 78),
        (("--project", "no-such-project"), 3),
        (("--name", "\x1b[31m"), 2),
        (("--", "no-such-command"), 1),
        (("--base", "no-such-ref", "--spawn", "worktree"), 2),
    ],
)
def test_what_cannot_be_is_refused(rc: Rc, words: tuple[str, ...], code: int) -> None:
    called = rc("new", *words)
    assert (called.code, called.out) == (code, "")
    assert "\x1b" not in called.err


def test_a_name_that_is_taken_is_exit_4(rc: Rc) -> None:
    rc("new", "--agent", "echo", "--name", "taken")
    called = rc("new", "--agent", "echo", "--name", "taken", "--json")
    assert (called.code, called.problem["code"]) == (4, "name_taken")


def test_for_an_agent_that_there_is_not_no_project_is_added(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", "/v1/box", {"agents": [{"name": "shell", "command": []}], "projects": []})
    assert odd_rc("run", "nobody").code == 78
    assert [asked.method for asked in odd.asked] == ["GET"]
