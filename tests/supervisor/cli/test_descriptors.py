"""Closed descriptors of a process are filled before anything else gets their numbers."""

from __future__ import annotations

import subprocess
import sys

FILL = "import os, sys; from supervisor.cli.descriptors import fill_closed, let_go; fill_closed(); "


def run(program: str, closed: str) -> subprocess.CompletedProcess[str]:
    words = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", FILL + program]
    return subprocess.run(words, capture_output=True, text=True)


def test_what_is_opened_afterwards_gets_a_number_of_its_own() -> None:
    ran = run("sys.exit(os.open('/', os.O_RDONLY))", "<&- >&- 2>&-")
    assert ran.returncode == 3


def test_a_closed_stdin_has_ended_a_closed_stdout_fails_and_a_closed_stderr_takes_all() -> None:
    assert run("print(repr(sys.stdin.read()))", "<&-").stdout == "''\n"
    failed = run("print('x', flush=True)", ">&-")
    assert failed.returncode and "Bad file descriptor" in failed.stderr
    assert run("sys.stderr.write('x'); print('out')", "2>&-").stdout == "out\n"


def test_what_could_not_be_written_is_not_tried_again_at_the_end() -> None:
    left = run("sys.stdout.write('x'); let_go(); sys.exit(7)", ">&-")
    assert (left.returncode, left.stderr) == (7, "")
