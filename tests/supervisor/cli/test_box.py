"""Verbs about the box as a whole."""

from __future__ import annotations

from importlib import metadata

import pytest

from tests.supervisor.cli.calling import call
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.cli.oddbox import OddBox
from tests.supervisor.web.boxes import ServedBox

BOX = {
    "name": "a\x1b[31mbox",
    "version": "9.9.9",
    "epoch": 3,
    "urls": ["http://127.0.0.1:1"],
    "spawn_mode": "same-dir",
    "capacity": 32,
    "used": 1,
    "projects": [
        {"id": "p", "path": "/p", "git": True, "branch": None},
        {"id": "q", "path": "/q", "git": False, "branch": None},
    ],
    "agents": [
        {"name": "shell", "adapter": "terminal", "available": True, "why": None},
        {"name": "tool", "adapter": "terminal", "available": False, "why": "there is no program tool"},
    ],
    "notices": ["the disk is nearly full"],
    "settings": [
        {"key": "capacity", "value": 32, "source": "default", "where": None, "who": None, "at": None},
        {"key": "listen", "value": ["a:1", "b:2"], "source": "flag", "where": "--listen", "who": None, "at": None},
        {"key": "spawn_mode", "value": "worktree", "source": "runtime", "where": None, "who": "ana", "at": "T"},
    ],
    "you": {"person": "owner", "role": "admin", "device": None},
}


def test_status_tells_every_value_and_who_set_it(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", "/v1/box", BOX)
    odd.answer(
        "GET", "/v1/code/sessions", {"sessions": [{"state": "running"}, {"state": "lost"}, {"state": "running"}]}
    )
    lines = odd_rc("status").out.splitlines()
    assert lines[0] == "a\\x1b[31mbox  http://127.0.0.1:1"
    assert "mode same-dir, capacity 1/32" in lines
    assert "3 sessions: 2 running, 1 lost" in lines
    assert "notice: the disk is nearly full" in lines
    assert "project p: /p (git, on no branch)" in lines
    assert "project q: /q (not a git repository)" in lines
    assert "agents: shell, tool (there is no program tool)" in lines
    assert lines[-3:] == [
        "capacity    32        by default",
        "listen      a:1 b:2   by its flag (--listen)",
        "spawn_mode  worktree  at run time by ana at T",
    ]


def test_status_of_a_real_box(box: ServedBox, rc: Rc) -> None:
    assert rc("status", "--json").json["epoch"] == 1
    assert "capacity" in rc("status").out


def test_inside_a_session_status_tells_what_may_be_seen(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", "/v1/box", {**BOX, "settings": [], "you": {"person": None, "role": "agent"}})
    called = odd_rc("status")
    assert called.code == 0
    assert "sessions" not in called.out


def test_mode_is_shown_and_switched(box: ServedBox, rc: Rc) -> None:
    assert rc("mode").out == "same-dir\n"
    try:
        assert rc("mode", "worktree").out == "worktree\n"
        assert rc("mode", "--json").json["spawn_mode"] == "worktree"
    finally:
        assert rc("mode", "same-dir", "--json").json["spawn_mode"] == "same-dir"


def test_capacity_is_shown_and_set(box: ServedBox, rc: Rc) -> None:
    assert rc("capacity", "40").out.endswith("/40\n")
    assert rc("capacity", "--json").json["capacity"] == 40
    assert rc("capacity", "32").out.endswith("/32\n")


@pytest.mark.parametrize("words", [("mode", "session"), ("capacity", "0"), ("capacity", "1025"), ("capacity", "many")])
def test_what_cannot_be_is_a_usage_error(rc: Rc, words: tuple[str, ...]) -> None:
    assert rc(*words).code == 2


def test_a_mode_that_is_refused_is_exit_4_with_its_cause(odd: OddBox, odd_rc: Rc) -> None:
    odd.refuse("PATCH", "/v1/box", 409, "not_a_repository", "no project is a repository")
    called = odd_rc("mode", "worktree", "--json")
    assert (called.code, called.problem["code"]) == (4, "not_a_repository")


def test_version_needs_no_box() -> None:
    ours = metadata.version("rcbox")
    assert call("--box", "unix:/nowhere/rc.sock", "version").out == f"rc {ours}\n"
    assert call("--box", "unix:/nowhere/rc.sock", "version", "--json").json == {"version": ours, "box": None}


def test_version_tells_when_the_box_is_of_another(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", "/v1/box", BOX)
    assert odd_rc("version").out.endswith("the box runs 9.9.9; rc restart renews it\n")
    odd.answer("GET", "/v1/box", {**BOX, "version": metadata.version("rcbox")})
    assert odd_rc("version").out.count(" ") == 1
