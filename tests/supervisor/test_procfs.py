"""What /proc tells of processes, asked about real ones."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from supervisor import procfs
from tests.waiting import until

NOBODY = 1 << 22  # above the highest pid that Linux gives out


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits to be killed, marked as one of a session's."""
    with subprocess.Popen(["sleep", "60"], env={**os.environ, "RC_SESSION_ID": "session_x"}) as process:
        until(lambda: procfs.marked(process.pid))  # its exec has happened
        yield process
        process.kill()


def test_a_process_and_its_parents_are_seen(child: subprocess.Popen[bytes]) -> None:
    known = procfs.stat(child.pid)
    assert known is not None
    assert (known.name, known.parent, known.sid) == ("sleep", os.getpid(), os.getsid(0))
    chain = procfs.chain(child.pid)
    assert chain is not None
    assert [process.pid for process in chain[:3]] == [child.pid, os.getpid(), os.getppid()]
    assert not chain[0].is_worker
    assert procfs.namespaces(child.pid) == procfs.namespaces(os.getpid()) != 0


def test_a_younger_process_began_later(child: subprocess.Popen[bytes]) -> None:
    ours, younger = procfs.stat(os.getpid()), procfs.stat(child.pid)
    assert ours is not None and younger is not None
    assert ours.began < younger.began


def test_the_mark_of_a_session_is_read(child: subprocess.Popen[bytes]) -> None:
    assert procfs.marked(child.pid) == "session_x"
    with subprocess.Popen(["sleep", "60"], env={}) as unmarked:
        assert until(lambda: (procfs.stat(unmarked.pid) or procfs.Stat("", 0, 0, 0, 0)).name == "sleep")
        assert procfs.marked(unmarked.pid) is None
        unmarked.kill()


def test_a_pidfd_leads_to_its_process_and_to_nobody_once_it_is_gone(child: subprocess.Popen[bytes]) -> None:
    pidfd = os.pidfd_open(child.pid)
    try:
        assert procfs.pid_of(pidfd) == child.pid
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert procfs.pid_of(pidfd) == -1
    finally:
        os.close(pidfd)


def test_of_the_dead_nothing_is_told(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGKILL)
    until(lambda: procfs.stat(child.pid) is None)  # a zombie still has the pid and the start time of the living
    assert procfs.chain(child.pid) is None
    child.wait()
    for look in (procfs.stat, procfs.chain, procfs.namespaces, procfs.marked):
        assert look(child.pid) is None
        assert look(NOBODY) is None
