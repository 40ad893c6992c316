"""A project that vanishes, or is a repository no more: the box starts and says so, and its sessions go on."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.boxprocess import BoxProcess, box_process
from tests.gitrepos import commit, empty_repository


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BoxProcess]:
    """One that serves the repository `app` in worktree mode, asked from the directory around it."""
    commit(empty_repository(tmp_path / "app"), {"file": "1\n"})
    with box_process(tmp_path, tmp_path) as box:
        yield box.start("--no-create-session-in-dir", "--spawn", "worktree", str(tmp_path / "app"))


def refusal(box: BoxProcess) -> str:
    status, answer = box.call("POST", "/v1/code/sessions", {"command": ["true"]})
    assert status == 409, answer
    return str(answer["code"])


def test_the_box_starts_without_it_and_says_so(box: BoxProcess, tmp_path: Path) -> None:
    app, away = tmp_path / "app", tmp_path / "away"
    session = box.new("sleep", "600")
    box.end(signal.SIGKILL)
    app.rename(away)
    box.start()
    assert box.session(session["id"])["pid"] == session["pid"]
    notices = box.call("GET", "/v1/box")[1]["notices"]
    assert f"{app} is not there any more" in notices[0]
    assert f"notice: {notices[0]}\n" in box.rc("status").out
    assert f"{app} is not there any more" in box.log.read_text()
    assert refusal(box) == "project_gone"
    app.mkdir()
    assert refusal(box) == "not_a_repository"
    app.rmdir()
    away.rename(app)
    assert box.new("sleep", "600")["branch"]
    assert box.call("GET", "/v1/box")[1]["notices"] == []


def test_worktrees_that_are_asked_for_are_refused_with_the_true_cause(box: BoxProcess, tmp_path: Path) -> None:
    box.end(signal.SIGKILL)
    shutil.rmtree(tmp_path / "app")
    answer = box.rc("serve", "--spawn", "worktree", "--listen", "127.0.0.1:0")
    assert (answer.code, answer.out) == (78, "")
    assert "app is not there any more" in answer.err and "git init" not in answer.err
    (tmp_path / "app").mkdir()
    answer = box.rc("serve", "--spawn", "worktree", "--listen", "127.0.0.1:0")
    assert answer.code == 78 and "app is none" in answer.err and "git init" in answer.err
