"""A new user's path, from the first `rc serve` to the deletion that is refused."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.flows.boxprocess import box_process
from tests.gitrepos import commit, repository
from tests.waiting import until


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = repository(tmp_path / "app")
    commit(path, {"README": "hello\n"})
    return path


def test_two_worktrees_survive_the_supervisor_and_only_the_clean_one_is_deleted(tmp_path: Path, project: Path) -> None:
    with box_process(tmp_path, project) as box:
        box.start("--spawn", "worktree", "--capacity", "3", "--no-create-session-in-dir")
        one, two = box.new("sh", name="one"), box.new("sh", name="two")
        assert one["spawn_mode"] == "worktree" and one["branch"].startswith("rc/one-")
        assert len({one["workspace"], two["workspace"], str(project)}) == 3
        assert (Path(one["workspace"]) / "README").read_text() == "hello\n"

        # Two terminals at one session: who types holds the lease, and both see it.
        with box.stream(one["id"]) as mine, box.stream(one["id"]) as other:
            mine.type(b"echo from-one; pwd\n")
            for each in (mine, other):
                each.until(lambda each=each: any(m["holder"] for m in each.of("lease")))  # type: ignore[misc]
                each.until(lambda each=each: one["workspace"].encode() in each.terminal)  # type: ignore[misc]
            other.type(b"refused")
            other.until(lambda: other.of("refused"))
            assert other.of("refused")[0]["error"]["code"] == "lease_held"

        # The mode is switched, and the switch survives; a third session is made the other way.
        assert box.rc("mode", "same-dir").code == 0
        assert box.new("sh", name="three")["workspace"] == str(project)
        full = box.rc("new", "--json", "--", "sh")
        assert full.code == 4 and full.problem["code"] == "at_capacity" and full.problem["limit"] == 3

        # The supervisor dies; what was printed before is there after, without a gap or a double.
        before = mine.end
        box.end(signal.SIGKILL)
        box.start()
        assert {s["name"]: s["state"] for s in box.sessions()} == dict.fromkeys(("one", "two", "three"), "running")
        assert box.call("GET", "/v1/box")[1]["spawn_mode"] == "same-dir"
        with box.stream(one["id"], f"after=0&terminal_after={before}&history={one['history']}") as again:
            again.type(b"echo back-again\n")
            again.until(lambda: b"back-again\r\n" in again.terminal)
            assert again.begins == before
        assert box.output(one["id"]).startswith(mine.terminal)

        # Deleting: the clean tree goes and can come back, the other one is kept and says why.
        (Path(two["workspace"]) / "work").write_text("precious\n")
        for name in ("one", "two"):
            assert box.rc("stop", name).code == 0
        gone = box.rc("delete", "one", "--json")
        assert gone.code == 0, gone.err
        assert gone.json["archived_ref"] and not Path(one["workspace"]).exists()
        kept = box.rc("delete", "two", "--json")
        assert kept.code == 4 and kept.problem["code"] == "kept"
        assert [reason["code"] for reason in kept.problem["reasons"]] == ["untracked"]
        assert (Path(two["workspace"]) / "work").read_text() == "precious\n"
        assert box.rc("restore", "one").code == 0
        assert (Path(one["workspace"]) / "README").read_text() == "hello\n"
        assert box.end() == 0


def test_a_second_supervisor_is_refused_until_it_takes_over(tmp_path: Path, project: Path) -> None:
    with box_process(tmp_path, project) as box:
        box.start("--no-create-session-in-dir")
        first, pid = box.process, box.ready["pid"]
        assert first is not None
        refused = box.rc("serve", "--json", "--listen", "127.0.0.1:0")
        assert refused.code == 78 and str(pid) in refused.problem["detail"]
        box.start("--take-over")
        until(lambda: first.poll() is not None)
        assert first.stdout is not None
        first.stdout.close()
        assert box.ready["epoch"] == 2
        assert box.end() == 0
