"""A screen is shown only to somebody who can see it."""

from __future__ import annotations

import os
import pty
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


def test_one_whose_jobs_are_elsewhere_is_left_alone() -> None:
    # The child leads a session on a terminal of its own; its child, in a new process group, is in the background.
    pid, keyboard = pty.fork()
    if pid == 0:
        inner = os.fork()
        if inner == 0:
            os.setpgid(0, 0)
            os._exit(7 if can_show(0, 1, "xterm") else 3)
        _, status = os.waitpid(inner, 0)
        os._exit(os.waitstatus_to_exitcode(status) + (10 if can_show(0, 1, "xterm") else 0))
    _, status = os.waitpid(pid, 0)
    os.close(keyboard)
    assert os.waitstatus_to_exitcode(status) == 13
