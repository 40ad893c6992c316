from __future__ import annotations

import errno
import signal
from pathlib import Path

import pytest

from tests.waiting import until
from tests.workers.parts import Workers
from workers.core.wire import Frame, Kind
from workers.program import STRETCH, explain, signal_name

ENV = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def tree(tmp_path: Path) -> str:
    (tmp_path / "script").write_text("#!/no/such/interpreter\n")
    (tmp_path / "script").chmod(0o755)
    (tmp_path / "text").write_text("just words\n")
    return str(tmp_path)


@pytest.mark.parametrize(
    ("step", "number", "name", "told"),
    [
        ("exec", errno.ENOENT, "nothing", "nothing is not found in PATH=/usr/bin:/bin"),
        ("exec", errno.ENOTDIR, "nothing", "nothing is not found in PATH=/usr/bin:/bin"),
        ("exec", errno.EACCES, "nothing", "nothing, as found in PATH, cannot be run: Permission denied"),
        ("exec", errno.ENOENT, "./gone", "./gone cannot be run: No such file or directory"),
        ("exec", errno.ENOENT, "./script", "./script names an interpreter that does not exist"),
        ("exec", errno.EACCES, "/etc", "/etc is a directory"),
        ("exec", errno.EACCES, "./text", "./text is not executable: Permission denied"),
        ("exec", errno.ENOEXEC, "./text", "./text cannot be run: Exec format error"),
        ("exec", errno.E2BIG, "/bin/sh", "/bin/sh cannot be run: Argument list too long"),
        ("terminal", errno.EIO, "/bin/sh", "no terminal: Input/output error"),
    ],
)
def test_a_program_that_does_not_start_names_the_cause(tree: str, step: str, number: int, name: str, told: str) -> None:
    assert explain(step, number, name, ENV, tree) == told


def test_a_workspace_that_cannot_be_entered_is_named(tree: str) -> None:
    told = explain("workspace", errno.EACCES, "sh", ENV, tree)
    assert told == f"the workspace {tree} cannot be used: Permission denied"


@pytest.mark.parametrize(
    ("number", "name"),
    [(signal.SIGKILL, "SIGKILL"), (signal.SIGRTMIN, "SIGRTMIN"), (signal.SIGRTMIN + 6, "SIGRTMIN+6")],
)
def test_every_signal_has_a_name(number: int, name: str) -> None:
    assert signal_name(number) == name


def test_a_worker_outlives_an_agent_that_a_real_time_signal_ends(workers: Workers) -> None:
    bundle = workers.launch("sh", "-c", f"kill -{signal.SIGRTMIN + 6} $$")
    note = until(lambda: bundle.read_json("exit.json"))
    assert (note["code"], note["signal"], note["reason"]) == (None, "SIGRTMIN+6", "ended")


def test_a_program_may_leave_its_terminal_and_come_back(workers: Workers) -> None:
    script = "exec </dev/null >/dev/null 2>&1; : >left; until [ -e back ]; do sleep 0.01; done; echo hi >/dev/tty"
    bundle, us = workers.run("sh", "-c", script)
    tree = Path(bundle.spec().workspace)
    us.look()
    until((tree / "left").exists)
    (tree / "back").touch()
    us.see(b"hi")
    assert us.hear_state("exited")["code"] == 0


def test_a_program_that_prints_flat_out_is_read_at_the_pace_that_is_wanted(workers: Workers) -> None:
    bundle, us = workers.run("sh", "-c", "read x; seq 100000; : >done; exec sleep 100")
    us.look()
    us.send(Frame(Kind.PACE, 60_000))
    us.type(b"go\r")
    us.hear_until(lambda: len(us.output) >= STRETCH)
    before = len(us.output)
    us.command("rename", name="it answers while it rests")
    assert len(us.output) == before
    assert not (Path(bundle.spec().workspace) / "done").exists()
    us.send(Frame(Kind.PACE, 0))
    us.see(b"100000")


def test_a_worker_does_not_spin_while_nobody_has_the_terminal(workers: Workers) -> None:
    bundle, us = workers.run("sh", "-c", "exec </dev/null >/dev/null 2>&1; : >left; exec sleep 100")
    until((Path(bundle.spec().workspace) / "left").exists)
    before = cpu_ticks(us.state["worker_pid"])
    for number in range(100):
        us.command("rename", name=f"name {number}")
    assert cpu_ticks(us.state["worker_pid"]) - before < 100


def test_a_program_that_stops_reading_and_ends_takes_its_keys_with_it(workers: Workers) -> None:
    bundle, us = workers.run("sh", "-c", "stty raw -echo; : >ready; until [ -e go ]; do sleep 0.01; done")
    tree = Path(bundle.spec().workspace)
    until((tree / "ready").exists)
    us.type(b"x" * 50_000)
    assert us.command("rename", name="in between")["seq"]
    (tree / "go").touch()
    assert us.hear_state("exited")["code"] == 0


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return int(fields[11]) + int(fields[12])
