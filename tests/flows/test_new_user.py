"""A new user's path, from the first `rc serve` to the deletion that is refused: on terminals, by the words of the
README."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path

from tests.flows.boxprocess import RC, BoxProcess, box_process
from tests.flows.terminal import Terminal, on_terminal
from tests.gitrepos import commit, repository
from tests.waiting import until


@contextlib.contextmanager
def attached(box: BoxProcess, name: str) -> Iterator[Terminal]:
    with on_terminal([*RC, "attach", name], box.project, box.environment) as terminal:
        yield terminal


def test_two_worktrees_survive_the_supervisor_and_only_the_clean_one_is_deleted(tmp_path: Path) -> None:
    project = repository(tmp_path / "app")
    commit(project, {"README": "hello\n"})
    with box_process(tmp_path, project) as box, contextlib.ExitStack() as terminals:
        serve = ("--spawn", "worktree", "--capacity", "3", "--no-create-session-in-dir")
        with box.start_on_terminal(*serve) as screen:
            one = box.rc("new", "--name", "one", "--json", "--", "sh").json
            two = box.rc("new", "--name", "two", "--json", "--", "sh").json
            assert one["branch"].startswith("rc/one-")
            assert len({one["workspace"], two["workspace"], str(project)}) == 3
            assert (Path(one["workspace"]) / "README").read_text() == "hello\n"
            screen.until("Capacity: 2/3")
            screen.until("two")

            # One session on two terminals: both show the same, and only who types first holds the lease.
            mine, other = (terminals.enter_context(attached(box, "one")) for _ in range(2))
            mine.type(b"pwd; seq 3000\n")
            for each in (mine, other):
                each.until(one["workspace"])
                each.until("3000")
            other.type(b"x")
            other.until("types here")

            # `w` switches the mode for the next session; then the box is full.
            screen.type(b"w")
            screen.until("same-dir")
            three = box.rc("new", "--name", "three", "--json", "--", "sh").json
            assert three["workspace"] == str(project)
            full = box.rc("new", "--json", "--", "sh")
            assert (full.code, full.problem["code"], full.problem["limit"]) == (4, "at_capacity", 3)

            screen.process.send_signal(signal.SIGKILL)
            screen.process.wait()
        before = box.bundle(one["id"]).read("worker.json")

        # Started again, it has all of them, and the attached terminals go on by themselves.
        box.start("--no-create-session-in-dir")
        assert box.bundle(one["id"]).read("worker.json") == before
        listed = json.loads(box.rc("ls", "--json").out)["sessions"]
        assert {s["name"]: s["state"] for s in listed} == dict.fromkeys(("one", "two", "three"), "running")
        assert box.rc("mode", "--json").json["spawn_mode"] == "same-dir"
        until(lambda: box.session(one["id"])["viewers"] == 2)
        mine.type(b"echo back-again\n")
        for each in (mine, other):
            each.until("back-again\r\n")
        whole = box.output(one["id"]).decode()
        assert [line for line in whole.splitlines() if line.isdecimal()] == [str(n) for n in range(1, 3001)]
        for each in (mine, other):
            each.type(b"\x1dd")  # Ctrl-] d
            assert each.wait() == 0

        # Deleting: the clean tree goes and can come back, the other one is kept and says why.
        (Path(two["workspace"]) / "work").write_text("precious\n")
        assert box.rc("stop", "one", "two").code == 0
        gone = box.rc("delete", "one", "--json").json
        assert gone["archived_ref"] and not Path(one["workspace"]).exists()
        kept = box.rc("delete", "two", "--json")
        assert (kept.code, kept.problem["code"]) == (4, "kept")
        assert [reason["code"] for reason in kept.problem["reasons"]] == ["untracked"]
        assert (Path(two["workspace"]) / "work").read_text() == "precious\n"
        assert box.rc("restore", "one").code == 0
        assert (Path(one["workspace"]) / "README").read_text() == "hello\n"
        assert box.end() == 0
