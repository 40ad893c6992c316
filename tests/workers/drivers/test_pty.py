from __future__ import annotations

import errno
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.drivers.pty import UNTYPED, Pty, spawn

ENV = {"PATH": os.environ["PATH"], "TERM": "xterm-256color"}


class Programs:
    """Programs that end with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)
        self.made: list[Pty] = []

    def start(self, *argv: str, wall: tuple[str, ...] = (), umask: int = 0o022, cwd: str = "") -> Pty:
        pty = spawn(argv, ENV, cwd or self.folder, 24, 80, umask, wall)
        self.made.append(pty)
        return pty

    def close(self) -> None:
        for pty in self.made:
            os.kill(pty.pid, signal.SIGKILL)
            os.waitpid(pty.pid, 0)
            pty.close()


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    made = Programs(tmp_path)
    yield made
    made.close()


def read_until(pty: Pty, text: bytes) -> bytes:
    seen = b""
    while text not in seen:
        assert select.select([pty.master], [], [], 10)[0], seen
        data, ended = pty.read()
        seen += data
        assert not ended or text in seen, seen
    return seen


def error_of(pty: Pty) -> tuple[str, int] | None:
    assert select.select([pty.failure], [], [], 10)[0]
    return pty.exec_error()


def test_a_program_gets_a_controlling_terminal_of_the_asked_size(programs: Programs) -> None:
    pty = programs.start("sh", "-c", "stty size; tty; echo >/dev/tty; umask; pwd; read x", umask=0o027)
    assert error_of(pty) is None
    shown = read_until(pty, programs.folder.encode())
    assert shown.startswith(b"24 80\r\n/dev/pts/")
    assert b"0027" in shown


def test_a_program_starts_with_no_signal_ignored_or_blocked(programs: Programs) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    try:
        pty = programs.start("sh", "-c", "grep '^Sig[BI]' /proc/self/status; echo over")
    finally:
        signal.signal(signal.SIGHUP, before)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
    shown = read_until(pty, b"over")
    assert b"SigBlk:\t0000000000000000" in shown
    assert b"SigIgn:\t0000000000000000" in shown


def test_a_program_is_found_in_its_own_path_and_behind_a_wall(programs: Programs) -> None:
    pty = programs.start("echo", "inside", wall=("env", "A=1"))
    assert error_of(pty) is None
    assert b"inside" in read_until(pty, b"inside")


@pytest.mark.parametrize(
    ("argv", "failure"),
    [
        ("no-such-program", ("exec", errno.ENOENT)),
        ("/etc", ("exec", errno.EACCES)),
        ("/dev/null", ("exec", errno.EACCES)),
        ("", ("exec", errno.EINVAL)),
        ("half a pair: \ud800", ("exec", errno.EINVAL)),
    ],
)
def test_a_failed_exec_comes_back_with_its_errno(programs: Programs, argv: str, failure: tuple[str, int]) -> None:
    assert error_of(programs.start(argv)) == failure


def test_a_working_directory_that_is_gone_comes_back_as_such(programs: Programs) -> None:
    assert error_of(programs.start("true", cwd="/no/such/place")) == ("workspace", errno.ENOENT)


def test_the_end_of_a_terminal_is_told_with_the_last_output(programs: Programs) -> None:
    pty = programs.start("echo", "bye")
    seen, ended = b"", False
    while not ended:
        assert select.select([pty.master], [], [], 10)[0]
        data, ended = pty.read()
        seen += data
    assert seen == b"bye\r\n"
    assert pty.read() == (b"", True)


def test_keys_that_do_not_go_wait_until_they_do(programs: Programs) -> None:
    pty = programs.start("sh", "-c", "stty raw -echo; echo ready; read x; head -c 99999 | wc -c; echo over; sleep 9")
    read_until(pty, b"ready")
    assert pty.type(b"\n" + b"x" * 99_999)
    assert pty.has_untyped
    seen = b""
    while b"over" not in seen:
        readable, writable, _ = select.select([pty.master], [pty.master] if pty.has_untyped else [], [], 10)
        assert readable or writable
        pty.flush()
        seen += pty.read()[0]
    assert b"99999" in seen or b"99998" in seen
    assert not pty.has_untyped


def test_more_keys_than_fit_are_not_taken_at_all(programs: Programs) -> None:
    pty = programs.start("sleep", "9")
    assert not pty.type(b"x" * (UNTYPED + 1))
    assert not pty.has_untyped


def test_keys_for_a_program_that_is_gone_go_nowhere(programs: Programs) -> None:
    pty = programs.start("true")
    while not pty.read()[1]:
        select.select([pty.master], [], [], 10)
    assert pty.type(b"hello")
    assert not pty.has_untyped


def test_a_resize_is_seen_by_the_program(programs: Programs) -> None:
    pty = programs.start("sh", "-c", "trap 'stty size' WINCH; echo ready; while :; do sleep 0.01; done")
    read_until(pty, b"ready")
    pty.resize(33, 101)
    read_until(pty, b"33 101")
