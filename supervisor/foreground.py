"""Whether there is a terminal with somebody in front of it, asked before anything is loaded that would draw on it."""

from __future__ import annotations

import os

from supervisor.serveoptions import ServeOptions

STDIN, STDOUT = 0, 1


def can_show(stdin: int = STDIN, stdout: int = STDOUT, term: str | None = None) -> bool:
    """Both ends are a terminal, it can move a cursor (by $TERM), and it is ours to take."""
    name = os.environ.get("TERM", "") if term is None else term
    return os.isatty(stdin) and os.isatty(stdout) and name not in ("", "dumb") and _in_foreground(stdin)


def shows_screen(options: ServeOptions) -> bool:
    """Whether `rc serve` with these options shows its screen."""
    return can_show() and not options.json


def _in_foreground(stdin: int) -> bool:
    try:
        return os.tcgetpgrp(stdin) == os.getpgrp()
    except OSError:
        return True  # a terminal that controls no jobs: nobody can have sent us to the background
