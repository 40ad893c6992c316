"""stdin, stdout and stderr as every program expects them, also where whoever started us has closed some of them."""

from __future__ import annotations

import contextlib
import os
import sys

# What is opened next would get the number of a closed one, and our output would go to a socket or into the store. A
# stdout that was closed is one that cannot be written, which is told as on a full disk; nobody misses the other two.
_IN_PLACE = ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY))


def fill_closed() -> None:
    """Have all three open, before anything else is."""
    for number, flags in _IN_PLACE:
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
    # Python has none for a descriptor that was closed when it started. These stay for as long as we do.
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def let_go() -> None:
    """On the way out: what nobody takes any more is not tried again by the interpreter, which would complain of it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError):  # no descriptor
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)
