"""Only what belongs to a session is killed, and only while it is certainly still that process."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from supervisor.sessions.strays import end_strays, kill_worker
from workers.bundle import Bundle, boot_id, start_time

SESSION, OTHER = "session_of_strays", "session_of_others"


@contextlib.contextmanager
def sleeper(session: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process out of everybody's sight, which carries the session's id."""
    env = {"PATH": "/usr/bin:/bin", "RC_SESSION_ID": session}
    # It says a word when its environment is its own: between fork and exec that is still ours.
    process = subprocess.Popen(
        ["sh", "-c", "echo up; exec sleep 600"], env=env, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_whoever_carries_the_sessions_id_is_ended_and_nobody_else() -> None:
    with sleeper(SESSION) as ours, sleeper(OTHER) as other:
        assert end_strays(SESSION) == 1
        assert ours.wait(10) == -9
        assert other.poll() is None
        assert end_strays(SESSION) == 0


def note(bundle: Bundle, **facts: object) -> None:
    bundle.write("worker.json", json.dumps(facts))


def test_a_worker_is_killed_by_the_name_it_left(tmp_path: Path) -> None:
    bundle = Bundle(str(tmp_path))
    with sleeper(OTHER) as process:
        note(bundle, pid=process.pid, start_time=start_time(process.pid), boot_id=boot_id())
        kill_worker(bundle)
        assert process.wait(10) == -9
        kill_worker(bundle)  # it is a zombie no more, and nobody has its number


def test_nobody_is_killed_for_having_a_workers_number(tmp_path: Path) -> None:
    bundle = Bundle(str(tmp_path))
    with sleeper(OTHER) as process:
        began = start_time(process.pid) or 0
        kill_worker(bundle)
        for facts in (
            {"pid": process.pid, "start_time": began + 1, "boot_id": boot_id()},
            {"pid": process.pid, "start_time": began, "boot_id": "another"},
            {"start_time": began, "boot_id": boot_id()},
            {"pid": "x", "start_time": began, "boot_id": boot_id()},
        ):
            note(bundle, **facts)
            kill_worker(bundle)
        os.kill(process.pid, 0)
        assert process.poll() is None


HOLD = """
import fcntl, os, sys
lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX)
open("/proc/self/comm", "w").write(sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def holder(bundle: Bundle, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of this name that holds the bundle's lock."""
    words = [sys.executable, "-I", "-S", "-c", HOLD, bundle.path("lock"), name]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_worker_that_could_not_leave_its_name_is_known_by_its_lock(tmp_path: Path) -> None:
    bundle = Bundle(str(tmp_path))
    kill_worker(bundle)
    with holder(bundle, "rc-worker") as process:
        kill_worker(bundle)
        assert process.wait(10) == -9
        kill_worker(bundle)


def test_whoever_holds_a_lock_and_is_no_worker_lives_on(tmp_path: Path) -> None:
    bundle, other = Bundle(str(tmp_path)), Bundle(str(tmp_path / "other"))
    os.mkdir(other.directory)
    with holder(bundle, "backup") as backup, holder(other, "rc-worker") as worker:
        kill_worker(bundle)
        assert backup.poll() is None and worker.poll() is None
