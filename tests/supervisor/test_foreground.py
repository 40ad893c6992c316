"""A screen is shown only to somebody who can see it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator

import pytest

from supervisor.foreground import can_show


@pytest.fixture
def terminal() -> Iterator[int]:
    keyboard, terminal = pty.openpty()
    yield terminal
    os.close(keyboard)
    os.close(terminal)


def test_a_terminal_that_can_move_its_cursor_is_one(terminal: int) -> None:
    assert can_show(terminal, terminal, "xterm")


@pytest.mark.parametrize("term", ["", "dumb"])
def test_one_that_cannot_is_none(terminal: int, term: str) -> None:
    assert not can_show(terminal, terminal, term)


def test_a_pipe_on_either_side_is_none(terminal: int) -> None:
    reading, writing = os.pipe()
    assert not can_show(reading, terminal, "xterm")
    assert not can_show(terminal, writing, "xterm")
    os.close(reading)
    os.close(writing)


# Leads a session on the terminal that it was given; its child, in a process group of its own, is in the background.
JOBS = """
import fcntl, os, termios
from supervisor.foreground import can_show
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    os._exit(can_show(0, 1, "xterm"))
_, status = os.waitpid(child, 0)
os._exit(10 * can_show(0, 1, "xterm") + os.waitstatus_to_exitcode(status))
"""


def test_one_whose_jobs_are_elsewhere_is_left_alone(terminal: int) -> None:
    words = [sys.executable, "-c", JOBS]
    jobs = subprocess.run(words, stdin=terminal, stdout=terminal, start_new_session=True, timeout=20, check=False)
    assert jobs.returncode == 10  # in front: yes; in the background: no
