"""A program on a PTY: what people say to it is typed, what it answers is output."""

from __future__ import annotations

from workers.core.agent import Shape, Step, Type

INTERRUPT = b"\x03"  # what a terminal sends for Ctrl-C; the line discipline makes a signal of it


class Terminal:
    """Knows no turns. A prompt is its text and a carriage return; bracketed paste is not assumed."""

    shape = Shape.TERMINAL
    wake_at: float | None = None

    def prompt(self, text: str, now: float) -> list[Step]:
        return [Type(text.encode() + b"\r")]

    def interrupt(self) -> list[Step]:
        return [Type(INTERRUPT)]

    def tick(self, now: float) -> list[Step]:
        return []
