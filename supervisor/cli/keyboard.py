"""The asker's keyboard at a session: what goes there, and what is meant for `rc attach` itself."""

from __future__ import annotations

import math
import signal
from collections import deque
from contextlib import suppress
from enum import Enum
from typing import Any

import trio

from supervisor.cli import ownterminal, printing
from supervisor.cli.address import is_terminal
from supervisor.cli.detachkeys import DetachKeys, Typed
from supervisor.cli.following import DETACHED, SIGNALLED, Outcome
from supervisor.client.line import Line
from supervisor.core.terminalanswers import Sieve
from workers.errors import Broken

WAITING = 1 << 20  # octets that the box has not taken: then no more is read, and the kernel holds up whoever pastes.
# More than anybody types by hand, so that the keys that detach are read even while a box takes nothing
ANSWER_SECONDS = 0.5  # a terminal answers what a replay asked it a moment after it was drawn

Message = bytes | dict[str, Any]

LEAVING: dict[str, Any] = {"type": "ping", "id": "leaving"}  # its answer says that all of a pipe has arrived


class Listener(Enum):
    """Who hears what a person types."""

    EXPECTED = "nobody yet: nothing has been seen, so what is typed is meant for whatever comes"
    THERE = "the box"
    LOST = "nobody since a cut: what is typed is typed blindly, and meant for nobody"


class Keyboard:
    """`view`: nothing goes to the session. While muted (a replay) what the terminal answers by itself is dropped.

    Sending is a task of its own, so that a box which takes nothing never keeps a person from leaving. Nothing is
    dropped while there is a line; what a person types without one is. A pipe is no person: what comes from one waits
    for the next line, and its end asks to leave, unless it is the session's end that is waited for (`stays`).
    """

    def __init__(self, view: bool, stays: bool = False) -> None:
        self._view = view
        self._stays = stays
        self._leaving = False  # whether a box was asked already
        self._interactive = is_terminal(ownterminal.STDIN)
        self._detach = DetachKeys()
        self._sieve = Sieve()
        self._listener = Listener.EXPECTED
        self._muted_until = -math.inf  # what the terminal answers by itself counts from then on
        self._unsent: deque[Message] = deque()
        self._waiting = 0  # octets of keys in there
        self._changed = trio.Event()

    def mute(self) -> None:
        self._muted_until = math.inf

    def unmute(self) -> None:
        if self._muted_until == math.inf:
            self._muted_until = trio.current_time() + ANSWER_SECONDS

    async def read(self) -> Outcome | None:
        """Read until the keyboard (or pipe) ends, or says that it wants to leave."""
        if self._view and not self._interactive:
            return None  # nothing that comes from there counts, not even that it ends
        while data := await self._read():
            for typed in self._detach.feed(data) if self._interactive else [Typed(data)]:
                self._type(typed.keys)
                if typed.wish == "d":
                    return Outcome(DETACHED)
                if typed.wish == "t":
                    self.command("lease", "take_lease")
        if self._interactive:
            return Outcome(SIGNALLED, signal=signal.SIGHUP)
        if self._stays:
            printing.note("stdin has ended; this stays until the session ends, Ctrl-C leaves it")
        else:
            self._put(LEAVING)
        return None

    async def _read(self) -> bytes:
        while self._waiting >= WAITING:
            await self._changed.wait()
        return await ownterminal.read()

    def _type(self, keys: bytes) -> None:
        muted = trio.current_time() < self._muted_until
        wanted = b"".join(data for is_answer, data in self._sieve.sort(keys) if not (muted and is_answer))
        if wanted and self._interactive:
            self._post(wanted)
        elif wanted:
            self._put(wanted)

    def command(self, id: str, kind: str, **fields: object) -> None:
        self._post({"type": "command", "id": id, "command": {"kind": kind, **fields}})

    def tell_size(self) -> None:
        """The size of the asker's terminal, where there is one."""
        size = ownterminal.size()
        if size is not None:
            self.command("size", "resize", rows=size[0], columns=size[1])

    def _post(self, message: Message) -> None:
        if self._listener is not Listener.LOST and not self._view:
            self._put(message)

    def _put(self, message: Message) -> None:
        if isinstance(message, bytes):
            self._waiting += len(message)
        elif self._unsent and isinstance(last := self._unsent[-1], dict) and last["id"] == message["id"]:
            self._unsent.pop()  # the newest size counts, however often a window is resized at a stuck box
        self._unsent.append(message)
        self._tell_changed()

    async def _next(self) -> Message:
        while not self._unsent:
            await self._changed.wait()
        message = self._unsent.popleft()
        if isinstance(message, bytes):
            self._waiting -= len(message)
            self._tell_changed()
        return message

    def _tell_changed(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def send(self, line: Line) -> None:
        """Send what is typed, for as long as the line holds; keys that it has not taken by then are forgotten."""
        self._listener = Listener.THERE
        try:
            with suppress(Broken):  # whoever reads the line says so
                if self._leaving:  # the line broke before the answer came
                    await line.send(LEAVING)
                while True:
                    message = await self._next()
                    self._leaving = self._leaving or message is LEAVING
                    await (line.send_keys(message) if isinstance(message, bytes) else line.send(message))
        finally:
            self._listener = Listener.LOST
            if self._interactive:
                self._unsent.clear()
                self._waiting = 0
                self._tell_changed()
