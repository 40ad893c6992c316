"""A program is run with bounds, and nothing of it is left."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.waiting import until
from tests.workers.asking import has_ended
from workers.inspect_run import Late, Ran, deadline, renew, run_program

ENV = {"PATH": os.environ["PATH"], "LC_ALL": "C"}


def sh(script: str, scratch: Path, limit: int = 1000, stdin: bytes = b"") -> Ran:
    return run_program(["sh", "-c", script], ENV, str(scratch), str(scratch), limit, stdin)


def gone(pid: str) -> None:
    until(lambda: has_ended(pid))


def test_output_exit_code_and_complaint_come_back(tmp_path: Path) -> None:
    assert sh("cat; echo sorry >&2; exit 3", tmp_path, stdin=b"hello") == Ran(3, b"hello", "sorry")


def test_a_signal_is_a_negative_code(tmp_path: Path) -> None:
    assert sh("kill -TERM $$", tmp_path).code == -15


def test_a_program_that_does_not_exist_exits_with_127(tmp_path: Path) -> None:
    assert run_program(["no-such-program"], ENV, "/", str(tmp_path), 10).code == 127


def test_a_flood_is_cut_and_its_source_killed(tmp_path: Path) -> None:
    ran = sh("yes", tmp_path, limit=100_000)
    assert ran.cut
    assert len(ran.output) == 100_000


def test_a_large_input_does_not_stand_in_the_way_of_the_output(tmp_path: Path) -> None:
    data = os.urandom(1 << 20)
    assert sh("cat", tmp_path, limit=2 << 20, stdin=data).output == data


def test_no_descriptor_of_ours_reaches_the_program(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    try:
        assert sh("ls /proc/self/fd", tmp_path).output.split() == [b"0", b"1", b"2", b"3"]  # 3: of ls itself
    finally:
        os.close(reading)
        os.close(writing)


def test_who_is_late_takes_the_whole_family_along(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(Late), deadline(0.2):
        sh("echo $$ > pid; sleep 1000 & echo $! > pid2; cat fifo", tmp_path)
    for name in ("pid", "pid2"):
        gone((tmp_path / name).read_text().strip())


def test_a_program_dies_with_the_inspector_that_was_killed(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from workers.inspect_run import run_program\n"
        f"run_program(['sh', '-c', 'echo $$ > pid; exec sleep 1000'], {ENV!r}, {str(tmp_path)!r}, {str(tmp_path)!r}, 9)"
    )
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", code], {**os.environ, "PYTHONPATH": os.getcwd()})
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith("\n"))
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    gone((tmp_path / "pid").read_text().strip())


def test_a_renewed_deadline_is_late_later(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(Late), deadline(0.05):
        renew(0.15)
        sh("sleep 1000", tmp_path)
    assert time.monotonic() - began >= 0.15


def test_a_deadline_that_is_kept_does_not_ring_afterwards(tmp_path: Path) -> None:
    with deadline(0.1):
        pass
    assert sh("sleep 0.15", tmp_path).code == 0
