"""Verbs that make sessions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from supervisor.cli.creating import project_around
from tests.supervisor.cli.calling import directory
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.cli.oddbox import OddBox
from tests.supervisor.web.boxes import ServedBox
from tests.waiting import until


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


def run(box: ServedBox, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """In a process of its own, because what a session prints goes to the descriptor itself."""
    command = [sys.executable, "-P", "-m", "supervisor", "--box", f"unix:{box.socket}", *words]
    env = {**os.environ, "PYTHONPATH": os.getcwd(), "SHELL": "/bin/sh"}
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=cwd, env=env, check=False, timeout=60
    )


def test_attached_the_exit_is_the_agents(box: ServedBox) -> None:
    done = run(box, "new", "--attach", "--", "sh", "-c", "echo hello; sleep 0.2; exit 7")
    assert done.returncode == 7
    assert "hello" in done.stdout
    assert done.stderr.endswith("exited: exit 7\n")
    assert run(box, "new", "--attach", "--", "sh", "-c", "kill -KILL $$").returncode == 137


def test_run_starts_here_and_gives_its_arguments_to_the_agent(box: ServedBox, rc: Rc, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    done = run(box, "run", "shell", "-c", "pwd; sleep 0.2; exit 3", cwd=place)
    assert done.returncode == 3
    assert str(place) in done.stdout
    assert "serves" in done.stderr
    assert rc("project", "remove", "elsewhere").code == 0
    assert run(box, "run", "no-such-agent", "x").returncode == 78
    assert run(box, "run", "--project", "app", "echo", "x").returncode == 2


def test_run_takes_two_dashes_for_nothing(box: ServedBox) -> None:
    assert run(box, "run", "--project", "app", "shell", "--", "-c", "sleep 0.2; exit 4").returncode == 4


def own(box: ServedBox) -> list[dict[str, Any]]:
    """Sessions that `connect` has made."""
    sessions = box.ask("GET", "/v1/code/sessions").json["sessions"]
    return [session for session in sessions if session["made_by"] == "connect"]


def connect(box: ServedBox, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "supervisor", "--box", f"unix:{box.socket}", "connect", *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_connect_finds_its_own_session_again(box: ServedBox) -> None:
    first = connect(box)
    until(lambda: [session for session in own(box) if session["viewers"]])
    first.terminate()
    assert first.wait(10) == 143
    again = connect(box)
    again.communicate(b"exit 4\n", 30)
    assert again.returncode == 0
    assert [session["exit"]["code"] for session in own(box)] == [4]


def test_connect_makes_another_one_when_its_own_has_ended_or_is_not_wanted(box: ServedBox) -> None:
    for session in own(box):
        box.ask("POST", f"/v1/code/sessions/{session['id']}/stop")
    before = len(own(box))
    for words in ((), ("--new",)):
        process = connect(box, *words)
        until(lambda: [session for session in own(box) if session["viewers"]])
        process.terminate()
        process.wait(10)
        until(lambda: not [session for session in own(box) if session["viewers"]])
    assert len(own(box)) == before + 2


def test_without_a_box_and_a_terminal_it_is_exit_5() -> None:
    command = [sys.executable, "-m", "supervisor", "--state-dir", "/nowhere/at/all", "new"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (5, "rc: no box runs at /nowhere/at/all; start one with: rc serve\n")
