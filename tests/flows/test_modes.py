"""The spawn mode: switched at run time, seen at once by everybody, remembered, and refused where it cannot be had."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.boxprocess import BoxProcess, box_process
from tests.flows.rawstream import RawStream
from tests.gitrepos import commit, repository
from tests.waiting import until


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BoxProcess]:
    project = repository(tmp_path / "app")
    commit(project, {"README": "hello\n"})
    with box_process(tmp_path, project) as box:
        yield box


def setting(box: BoxProcess, key: str) -> dict[str, Any]:
    """Value, source and who of one setting."""
    found: dict[str, Any] = next(each for each in box.call("GET", "/v1/box")[1]["settings"] if each["key"] == key)
    return found


def test_a_switch_is_seen_at_once_and_outlives_the_supervisor_until_a_flag_says_otherwise(box: BoxProcess) -> None:
    box.start("--no-create-session-in-dir", "--spawn", "same-dir")
    before = box.new("sleep", "600", name="before")
    with RawStream(box.connect(), "/v1/stream") as one, RawStream(box.connect(), "/v1/stream") as two:
        for stream in (one, two):
            stream.hear("hello")
        assert box.rc("mode", "worktree").code == 0
        for stream in (one, two):
            stream.hear("box", lambda told: told["box"]["spawn_mode"] == "worktree")
        assert box.call("PATCH", "/v1/box", {"spawn_mode": "same-dir"})[0] == 200
        for stream in (one, two):
            stream.hear("box", lambda told: told["box"]["spawn_mode"] == "same-dir")
    assert box.rc("mode", "worktree").code == 0
    assert box.new("sleep", "600")["spawn_mode"] == "worktree"
    assert box.session(before["id"])["spawn_mode"] == "same-dir"

    assert box.end() == 0
    box.start("--no-create-session-in-dir")
    kept = setting(box, "spawn_mode")
    assert (kept["value"], kept["source"], kept["who"]) == ("worktree", "runtime", "owner")
    assert "worktree" in box.rc("status").out

    assert box.end() == 0
    box.start("--no-create-session-in-dir", "--spawn", "same-dir")
    assert (setting(box, "spawn_mode")["value"], setting(box, "spawn_mode")["source"]) == ("same-dir", "flag")
    assert box.end() == 0
    box.start("--no-create-session-in-dir")
    assert setting(box, "spawn_mode")["value"] == "same-dir"  # the flag was remembered


def test_outside_git_the_switch_is_refused_until_there_is_a_commit(tmp_path: Path) -> None:
    project = tmp_path / "plain"
    project.mkdir()
    with box_process(tmp_path, project) as box:
        box.start("--no-create-session-in-dir")
        refused = box.rc("mode", "worktree", "--json")
        assert (refused.code, refused.problem["code"]) == (4, "not_a_repository")
        assert box.call("GET", "/v1/box")[1]["spawn_mode"] == "same-dir"
        repository(tmp_path / "other")
        assert box.rc("project", "add", str(tmp_path / "other")).code == 0
        assert json.loads(box.rc("mode", "worktree", "--json").out)["spawn_mode"] == "worktree"


def test_a_box_for_one_session_refuses_others_and_ends_with_it(box: BoxProcess) -> None:
    box.start("--spawn", "session")
    (session,) = box.sessions()
    assert (session["spawn_mode"], session["workspace"]) == ("session", str(box.project))
    assert box.call("GET", "/v1/box")[1]["capacity"] == 1
    for refused, code in (
        (box.rc("new", "--json", "--", "sh"), "single_session_busy"),
        (box.rc("mode", "worktree", "--json"), "mode_fixed"),
        (box.rc("capacity", "2", "--json"), "mode_fixed"),
    ):
        assert (refused.code, refused.problem["code"]) == (4, code)

    # Killed, it takes its session up again; the mode itself is not remembered.
    box.end(9)
    assert box.rc("serve", "--json", "--listen", "127.0.0.1:0", "--spawn", "worktree", "-d").code == 0
    assert box.call("GET", "/v1/box")[1]["capacity"] == 32
    assert box.rc("shutdown").code == 0
    until(lambda: box.rc("ls").code == 5)
    box.start("--spawn", "session")
    (again,) = box.sessions()
    assert (again["id"], again["state"], again["pid"]) == (session["id"], "running", session["pid"])

    with box.stream(session["id"]) as mine, box.stream(session["id"]) as other:  # more people attach to the one
        for stream in (mine, other):
            stream.hear("hello")
        mine.type(b"exit 3\n")
        assert box.wait() == 0
    assert "Traceback" not in box.log.read_text()
    box.start("--no-create-session-in-dir")
    assert box.session(session["id"])["exit"] == {"code": 3, "signal": None, "reason": "ended"}
    assert setting(box, "spawn_mode")["value"] == "worktree"


def test_a_box_for_one_session_ends_also_when_that_is_stopped_or_lost(box: BoxProcess) -> None:
    for end in ("stop", "kill"):
        box.start("--spawn", "session")
        live = [session for session in box.sessions() if session["state"] == "running"]
        if end == "stop":
            assert box.rc("stop", live[0]["name"]).code == 0
        else:
            box.kill_worker(live[0]["id"])
        assert box.wait() == 0
