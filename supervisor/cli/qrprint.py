"""A QR code on the terminal that stdout is, where it fits."""

from __future__ import annotations

import os
import sys

from supervisor.cli.address import is_terminal

STDOUT = 1
BLACK_ON_WHITE, PLAIN = "\x1b[38;5;16;48;5;231m", "\x1b[0m"  # by number: a theme has its own idea of black and white


def show(text: str) -> bool:
    """Print the code of `text`. False: there is no terminal, or it is too small, and nothing was printed."""
    from supervisor.core.qr import qr_lines

    if not is_terminal(STDOUT):
        return False
    columns, rows = os.get_terminal_size(STDOUT)
    lines = qr_lines(text)
    if len(lines[0]) > columns or len(lines) >= rows:
        return False
    sys.stdout.write("".join(f"{BLACK_ON_WHITE}{line}{PLAIN}\n" for line in lines))
    return True
