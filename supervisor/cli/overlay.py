"""A word of `rc attach` itself, out of band: on the bottom line of a person's terminal, or else on stderr."""

from __future__ import annotations

import math

import trio

from supervisor.cli import ownterminal, printing
from supervisor.cli.address import is_terminal

SHOWN_SECONDS = 3.0  # long enough to read one line


class Overlay:
    """What is shown over the screen covers a line of it; at `repaint_at` (trio's clock) it has been read, and the
    screen is to be drawn again. A line of its own among the others stays."""

    def __init__(self) -> None:
        # Without a keyboard it is the output of a program among others, and nobody is there to see it drawn over.
        self.is_terminal = is_terminal(ownterminal.STDOUT) and is_terminal(ownterminal.STDIN)
        self.repaint_at = math.inf
        self._said = ""

    @property
    def is_shown(self) -> bool:
        return self._said != ""

    async def show(self, text: str, among_lines: bool = False) -> None:
        if self.is_terminal and among_lines:
            await ownterminal.write(f"\r\nrc: {printing.visible(text)}\r\n".encode(errors="replace"))
        elif self.is_terminal:
            await ownterminal.write(_on_bottom_line(text, ownterminal.size() or ownterminal.DEFAULT_SIZE))
            self.repaint_at = trio.current_time() + SHOWN_SECONDS
        elif text != self._said:
            printing.note(text)
        self._said = text

    def leave_to_others(self) -> None:
        """The screen is about to be drawn again anyhow."""
        self.repaint_at = math.inf

    def clear(self) -> None:
        """The screen is as the session has it, or will be at once."""
        self.repaint_at = math.inf
        self._said = ""


def _on_bottom_line(text: str, size: tuple[int, int]) -> bytes:
    rows, columns = size
    shown = printing.visible(f" rc: {text} ")[:columns]
    return f"\x1b7\x1b[{rows};1H\x1b[0;7m{shown}\x1b[0m\x1b[K\x1b8".encode(errors="replace")
