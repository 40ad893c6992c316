"""Runs one program on a PTY for somebody who holds the other end of a socket, and not a moment longer."""

from __future__ import annotations

import selectors
import signal
import socket
import time
from typing import Any

from workers.core import commands
from workers.core.wire import Frame, Kind, json_frame
from workers.errors import Broken, Refused
from workers.lines import Line
from workers.program import Program

MOST_UNSENT = 1 << 20  # octets that the asker has not read: then the program is not read either
FLUSH_SECONDS = 5.0  # how long the asker gets to read the last of it
NO_GRACE = 0.0  # nobody is there to see it end well


def run(wish: dict[str, Any], connection: socket.socket, umask: int) -> None:
    """Be the host of one program; returns when it and all it started are gone.

    Frames over the socket: KEYS and COMMAND `resize` come in, OUTPUT by offset goes out, TYPED when the program has
    all of the keys, and at the end an ANSWER: `{"exit": {"code", "signal"}}`, or `{"error": …}` for a program that
    could not be started. The asker bounds the keys that it sends ahead of TYPED: what waits here never overflows, and
    the line is always read, so that a resize and a hang-up are noticed at once.
    """
    ExecHost(connection).run(wish, umask)


class ExecHost:
    def __init__(self, connection: socket.socket) -> None:
        self._selector = selectors.DefaultSelector()
        self._line = Line(self._selector, connection, self._hear)
        self._program = Program(self._selector, self)
        self._offset = 0
        self._keys = self._typed = 0  # numbers of KEYS: the last that came, and the last that was told to be typed
        self._over = False

    def run(self, wish: dict[str, Any], umask: int) -> None:
        size = (wish["rows"], wish["columns"])
        self._program.launch(wish["argv"], wish["env"], wish["cwd"], *size, umask, plain=wish["plain"])
        while not self._over:
            next_at = self._program.next_at()
            self._serve(None if next_at is None else max(0.0, next_at - time.monotonic()))
            self._program.tick(time.monotonic())
            self._tell_typed()
        until = time.monotonic() + FLUSH_SECONDS
        while self._line.is_open and self._line.unsent and time.monotonic() < until:
            self._serve(until - time.monotonic())

    def _serve(self, timeout: float | None) -> None:
        for key, mask in self._selector.select(timeout):
            if self._selector.get_map().get(key.fd) is key:
                key.data(mask)

    def _hear(self, mask: int) -> None:
        try:
            if mask & selectors.EVENT_WRITE:
                self._line.flush()
                self._program.pause(self._line.unsent > MOST_UNSENT)
            for frame in self._line.receive() if mask & selectors.EVENT_READ else []:
                self._take(frame)
        except Broken:
            self._hang_up()

    def _tell_typed(self) -> None:
        if self._typed != self._keys and self._program.typed and not self._over:
            self._typed = self._keys
            self._send(Frame(Kind.TYPED, self._typed))

    def _take(self, frame: Frame) -> None:
        if frame.kind is Kind.KEYS:
            self._keys = frame.number
            self._program.type(frame.payload)
        elif frame.kind is Kind.COMMAND:
            try:
                command = commands.parse(frame.json())
            except Refused as error:
                raise Broken(error.detail) from error
            if isinstance(command, commands.Resize):
                self._program.resize(command.rows, command.columns)
            elif isinstance(command, commands.Signal):
                self._program.signal(signal.Signals[f"SIG{command.name}"])

    def _send(self, frame: Frame) -> None:
        try:
            if self._line.is_open:
                self._line.send(frame)
        except Broken:
            self._hang_up()

    def _hang_up(self) -> None:
        self._line.close()
        self._program.pause(False)
        self._program.end(NO_GRACE)

    # What the program tells

    def program_started(self, pid: int) -> None:
        pass

    def program_failed(self, detail: str) -> None:
        error = {"code": "launch_failed", "detail": detail, "hint": "look at the command and its working directory"}
        self._send(json_frame(Kind.ANSWER, {"error": error}))
        self._over = True

    def program_output(self, data: bytes) -> None:
        self._send(Frame(Kind.OUTPUT, self._offset, data))
        self._offset += len(data)
        self._program.pause(self._line.unsent > MOST_UNSENT)

    def program_waits(self) -> None:
        pass  # until its reader has caught up, or has gone

    def program_ended(self, code: int | None, name: str | None, forced: bool) -> None:
        self._send(json_frame(Kind.ANSWER, {"exit": {"code": code, "signal": name}}))
        self._over = True
