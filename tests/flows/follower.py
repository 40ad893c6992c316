"""A client that goes on by itself: whenever its stream is cut it connects again, from its last numbers."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.flows.boxprocess import BoxProcess
from tests.flows.rawstream import RawStream
from tests.waiting import until


class Follower:
    """`terminal` is all output and `seqs` the numbers of all events, over all connections; `fresh` is how much output
    came on the newest one. To be run in a thread."""

    def __init__(self, box: BoxProcess, id: str, history: str) -> None:
        self.terminal = bytearray()
        self.seqs: list[int] = []
        self.connections = 0
        self.fresh = 0
        self._box = box
        self._id = id
        self._history = history

    def follow(self, enough: Callable[[], bool]) -> None:
        """Until it is enough, looked at after every message."""
        while not enough():
            with until(self._connect, 30) as stream:
                known = len(self.terminal)
                self.connections += 1
                try:
                    while not enough():
                        stream.receive()
                        self._take(stream, known)
                except ConnectionError:
                    self.fresh = 0

    def _take(self, stream: RawStream, known: int) -> None:
        self.fresh = len(self.terminal) - known
        self.seqs += [message["seq"] for message in stream.messages if message["type"] == "event"]
        assert not stream.of("gap") and not stream.of("terminal_gap") and not stream.of("history_changed")
        stream.messages.clear()

    def _connect(self) -> RawStream | None:
        after = self.seqs[-1] if self.seqs else 0
        query = f"after={after}&terminal_after={len(self.terminal)}&history={self._history}&catch_up=all"
        try:
            return self._box.stream(self._id, query, self.terminal)
        except OSError:  # nobody listens
            return None


def numbers(terminal: bytes | bytearray) -> list[int]:
    """The numbers of whole lines that a program has printed as `line-N`; fails for anything else in between."""
    *lines, _rest = terminal.split(b"\r\n")
    found = [re.fullmatch(rb"line-([0-9]+)", line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return [int(match[1]) for match in found if match]
