"""Many sessions asked for at one instant: exactly as many as there are slots come to be, and nothing is half made."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.flows.boxprocess import BoxProcess, box_process
from tests.gitrepos import commit, git, repository


def ask(box: BoxProcess) -> tuple[int, Any]:
    return box.call("POST", "/v1/code/sessions", {"command": ["sleep", "600"]})


def test_of_64_at_once_32_run_and_32_are_refused_before_anything_is_touched(tmp_path: Path) -> None:
    project = repository(tmp_path / "app")
    commit(project, {f"src/{n}.txt": f"{n}\n" for n in range(100)})
    with box_process(tmp_path, project) as box, ThreadPoolExecutor(64) as threads:
        box.start("--spawn", "worktree", "--capacity", "32", "--no-create-session-in-dir")
        answers = [each.result() for each in [threads.submit(ask, box) for _ in range(64)]]
        assert Counter(status for status, _ in answers) == {201: 32, 409: 32}
        for status, answer in answers:
            if status == 409:
                assert (answer["code"], answer["limit"], len(answer["sessions"])) == ("at_capacity", 32, 32)
        made = [answer for status, answer in answers if status == 201]
        assert len({session["workspace"] for session in made}) == 32
        assert len({session["name"] for session in made}) == 32
        trees = git(project, "worktree", "list", "--porcelain").count("worktree ")
        assert trees == 33
        assert len(git(project, "branch", "--list", "rc/*").splitlines()) == 32
        assert len(list((box.state / "sessions").iterdir())) == 32

        # Lowering the capacity ends nothing; the next one is still refused.
        assert box.rc("capacity", "1").code == 0
        assert ask(box)[0] == 409
        assert {session["state"] for session in box.sessions()} == {"running"}


def test_a_command_that_cannot_run_leaves_no_session_tree_branch_or_slot(tmp_path: Path) -> None:
    project = repository(tmp_path / "app")
    commit(project, {"a": "a\n"})
    with box_process(tmp_path, project) as box:
        box.start("--spawn", "worktree", "--capacity", "1", "--no-create-session-in-dir")
        for command in (["/nope/nothing"], ["/"], [str(project / "a")]):
            status, answer = box.call("POST", "/v1/code/sessions", {"command": command})
            assert (status, answer["code"]) == (502, "launch_failed"), answer
        assert box.sessions() == []
        assert git(project, "worktree", "list", "--porcelain").count("worktree ") == 1
        assert git(project, "branch", "--list", "rc/*") == ""
        assert list((box.state / "sessions").iterdir()) == []
        assert box.call("GET", "/v1/box")[1]["used"] == 0
        assert ask(box)[0] == 201
