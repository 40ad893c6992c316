"""What is promised of the verbs to scripts, and what a start must never do or lose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.boxprocess import BoxProcess, box_process
from tests.waiting import until


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BoxProcess]:
    (tmp_path / "app").mkdir()
    with box_process(tmp_path, tmp_path / "app") as process:
        yield process


def test_nothing_in_a_project_is_imported_by_a_box_that_is_started_there(box: BoxProcess) -> None:
    for name in ("h11", "trio", "json", "supervisor"):
        (box.project / f"{name}.py").write_text("raise SystemExit('imported from the project')\n")
    script = Path(box.words[0]).with_name("rc")  # the one that users have; python -m would look here itself
    started = box.run(str(script), "serve", "-d", "--json", "--listen", "127.0.0.1:0")
    assert started.returncode == 0, started.stderr + (box.state / "serve.log").read_text()
    assert json.loads(started.stdout)["ready"] is True
    assert box.run(str(script), "shutdown", "--sessions").returncode == 0


def test_a_command_that_cannot_be_run_leaves_session_mode_its_place(box: BoxProcess) -> None:
    box.start("--spawn", "session", "--no-create-session-in-dir")
    assert box.rc("new", "--json", "--", "/no/such").problem["code"] == "launch_failed"
    made = box.new("cat", spawn_mode="same-dir")
    assert made["spawn_mode"] == "session"


def test_verbs_answer_with_the_codes_that_scripts_know(box: BoxProcess) -> None:
    box.start("--capacity", "3", "--no-create-session-in-dir", "--name", "contract")
    assert box.rc("new", "--agent", "echo", "--name", "one", "hello").code == 0
    assert box.rc("new", "--name", "two", "--", "cat").code == 0
    assert box.rc("new", "--name", "two", "--", "cat").code == 4
    codes = {("ls", "x"): 2, ("wait", "two"): 2, ("show", "none"): 3, ("mode", "worktree"): 4}
    assert {words: box.rc(*words).code for words in codes} == codes
    assert box.rc("wait", "two", "--until", "exit", "--timeout", "0.2").code == 124
    assert box.rc("wait", "one", "--json").json["turn"] == "idle"  # idle is what is waited for
    assert box.rc("--state-dir", str(box.state / "none"), "ls").code == 5
    assert box.rc("send", "one", "repeat 2 yo", "--wait").out == "yoyo\n"
    assert box.rc("send", "one", "wait 60").code == 0
    assert box.rc("interrupt", "one").code == 0
    assert box.rc("show", "one", "none", "--json").code == 3
    assert [r.get("code") for r in box.rc("show", "one", "none", "--json").json["results"]] == [None, "unknown_session"]
    assert box.rc("new", "--json", "--name", "three", "--", "true").json["name"] == "three"
    until(lambda: box.rc("show", "three", "--json").json["exit"] == {"code": 0, "signal": None, "reason": "ended"})
    assert box.rc("capacity", "2").code == 0
    full = box.rc("new", "--json", "--", "cat").problem
    assert (full["code"], full["used"], full["limit"], len(full["sessions"])) == ("at_capacity", 2, 2, 2)
    assert box.rc("ls", "--json").json.keys() == {"sessions"}
    assert box.rc("path", "two", "--json").json == {"path": str(box.project)}
    assert box.rc("send", "three", "x").code == 4
    assert box.rc("exec", "two", "--", "sh", "-c", "exit 9").code == 9
    assert box.rc("approvals").code == 2  # comes later, and is unknown until then
