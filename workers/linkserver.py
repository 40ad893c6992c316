"""The worker's end of the link: who may have it, and what goes over it."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple, Protocol

from workers.core.wire import WIRE_VERSION, Frame, Kind, json_frame, proof, proven
from workers.errors import Broken, Refused
from workers.lines import Line

MOST_GUESTS = 4  # connections that have not proved themselves; one more, and the oldest goes
GUEST_SECONDS = 5.0  # a supervisor proves itself within milliseconds; a loaded machine gets seconds
OUTPUT_UNSENT = 1 << 20  # a supervisor that lags this much reads on from disk, and hears again when it has caught up
EVENTS_UNSENT = 4 << 20  # one that leaves even this unread is gone or stopped: the link is closed, the events are kept
PROGRESS_SECONDS = 1.0  # how often an offset is told that nobody looks at
ADDRESS = "link"  # relative to the bundle, which is the worker's working directory: an address holds 107 octets
BACKLOG = 16
NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
NO_ROOM_SECONDS = 0.5  # without a descriptor for whoever knocks, the knock stays and would keep the loop spinning


class Ticket(NamedTuple):
    """What an ANSWER belongs to."""

    line: Line
    number: int


class Asked(Protocol):
    """What the link asks of its worker. Each may raise Refused (answered) or Broken (the link is closed)."""

    def is_inside(self, pid: int) -> bool:
        """Whether this process belongs to the session, or that cannot be ruled out."""
        ...

    def welcome(self, epoch: int) -> dict[str, Any]:
        """The state of the session, for a supervisor of this epoch that takes it up."""
        ...

    def take_keys(self, data: bytes) -> None: ...

    @property
    def typed(self) -> bool:
        """Whether all keys that were taken are with the program."""
        ...

    @property
    def terminal(self) -> int:
        """A descriptor of the program's terminal, for `keys` to be written to; negative: it has none."""
        ...

    def pace(self, rest: float) -> None:
        """Rest for so many seconds after each stretch of what the program prints."""
        ...

    def take_command(self, ticket: Ticket, value: Any) -> None: ...

    def take_snapshot(self, ticket: Ticket, value: Any) -> None: ...


class _Guest(NamedTuple):
    """A connection that has not proved itself, and when it must have."""

    nonce: str
    due: float


class _Flow(Enum):
    """What becomes of terminal output."""

    MUTED = "nobody looks: only how far it got is told, now and then"
    LIVE = "it is sent"
    LAGGING = "the supervisor has too much unread: it hears LIVE again when it has caught up"


class LinkServer:
    """At most one supervisor has the link: the one with the highest epoch. Nobody can make the worker wait."""

    def __init__(self, selector: selectors.BaseSelector, key: bytes, session: str, end: int, asked: Asked) -> None:
        self._selector = selector
        self._key = key
        self._session = session
        self._asked = asked
        self._guests: dict[Line, _Guest] = {}
        self._link: Line | None = None
        self._holder = (0, "")  # epoch and id of the supervisor that has, or last had, the link
        self._flow = _Flow.MUTED
        self._end = end  # of the terminal output
        self._told = end  # how much of it the supervisor knows of while it is muted
        self._tell_at = 0.0
        self._listen_at: float | None = None  # when whoever knocks is heard again; None: now
        self._typing = 0  # the number of the KEYS that TYPED is wanted for
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def listen(self) -> None:
        """Bind the address in the working directory, in place of one that an earlier worker left."""
        if os.path.lexists(ADDRESS):
            os.unlink(ADDRESS)
        self._listener.bind(ADDRESS)
        os.chmod(ADDRESS, 0o600)
        self._listener.listen(BACKLOG)
        self._listener.setblocking(False)
        self._hear_knocks()

    def _hear_knocks(self) -> None:
        self._listen_at = None
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _hear_no_knocks(self) -> None:
        if self._listen_at is None:
            self._selector.unregister(self._listener)

    def stop_listening(self) -> None:
        """Nobody new is let in; who has the link keeps it."""
        self._hear_no_knocks()
        self._listen_at = None
        self._listener.close()
        with contextlib.suppress(FileNotFoundError):  # somebody took it away, which ends nothing
            os.unlink(ADDRESS)
        for line in tuple(self._guests):
            self._turn_away(line)

    # What the worker tells

    def event(self, seq: int, at_ns: int, body: bytes) -> None:
        self._send(Frame(Kind.EVENT, seq, at_ns.to_bytes(8, "big") + body))

    def output(self, offset: int, data: bytes) -> None:
        """New terminal output, which is in the journal."""
        self._end = offset + len(data)
        if self._link is None:
            return
        if self._flow is _Flow.MUTED:
            self._tell_progress(time.monotonic())
        elif self._flow is _Flow.LIVE and self._link.unsent + len(data) > OUTPUT_UNSENT:
            self._flow = _Flow.LAGGING
        elif self._flow is _Flow.LIVE:
            self._send(Frame(Kind.OUTPUT, offset, data))

    @property
    def unsent(self) -> int:
        """Octets that the supervisor has not taken."""
        return self._link.unsent if self._link is not None else 0

    def answer(self, ticket: Ticket, value: dict[str, Any]) -> None:
        """Answer a request; nobody is there to hear it when the link has changed hands since."""
        if ticket.line is self._link:
            self._send(json_frame(Kind.ANSWER, value, ticket.number))

    def _tell_progress(self, now: float) -> None:
        if self._end > self._told and now >= self._tell_at:
            self._told, self._tell_at = self._end, now + PROGRESS_SECONDS
            self._send(Frame(Kind.PROGRESS, self._end))

    def _send(self, frame: Frame, lent: int = -1) -> None:
        link = self._link
        if link is None:
            return
        try:
            if link.unsent + len(frame.payload) > EVENTS_UNSENT:
                raise Broken("the supervisor does not read")
            if lent < 0:
                link.send(frame)
            else:
                link.send_with(frame, lent)
        except Broken:
            self._drop()

    def _drop(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    # Time

    def next_at(self) -> float | None:
        """When `tick` is wanted."""
        due = [guest.due for guest in self._guests.values()]
        if self._listen_at is not None:
            due.append(self._listen_at)
        if self._link is not None and self._flow is _Flow.MUTED and self._end > self._told:
            due.append(self._tell_at)
        return min(due, default=None)

    def tick(self, now: float) -> None:
        for line in [line for line, guest in self._guests.items() if guest.due <= now]:
            self._turn_away(line)
        if self._listen_at is not None and now >= self._listen_at:
            self._hear_knocks()
        if self._flow is _Flow.MUTED:
            self._tell_progress(now)
        if self._typing and self._asked.typed:
            self._send(Frame(Kind.TYPED, self._typing))
            self._typing = 0

    # Who comes

    def _accept(self, _mask: int) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            if error.errno in NO_ROOM:
                self._hear_no_knocks()
                self._listen_at = time.monotonic() + NO_ROOM_SECONDS
            return  # else it has gone again
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        if self._asked.is_inside(struct.unpack("3i", credentials)[0]):
            connection.close()  # an agent that found the key must not command its own session
            return
        if len(self._guests) >= MOST_GUESTS:
            self._turn_away(next(iter(self._guests)))
        nonce = os.urandom(16).hex()
        line = Line(self._selector, connection, lambda mask: self._hear(line, mask))
        self._guests[line] = _Guest(nonce, time.monotonic() + GUEST_SECONDS)
        try:
            line.send(json_frame(Kind.CHALLENGE, {"version": WIRE_VERSION, "nonce": nonce}))
        except Broken:
            self._turn_away(line)

    def _turn_away(self, line: Line) -> None:
        del self._guests[line]
        line.close()

    def _hear(self, line: Line, mask: int) -> None:
        try:
            if mask & selectors.EVENT_WRITE:
                self._flush(line)
            for frame in line.receive() if mask & selectors.EVENT_READ else []:
                if line in self._guests:
                    self._shake_hands(line, frame)
                elif line is self._link:
                    self._take(Ticket(line, frame.number), frame)
        except Broken:
            if line in self._guests:
                self._turn_away(line)
            elif line is self._link:
                self._drop()

    def _flush(self, line: Line) -> None:
        line.flush()
        if line is self._link and self._flow is _Flow.LAGGING and not line.unsent:
            self._go_live()

    def _shake_hands(self, line: Line, frame: Frame) -> None:
        told = frame.json() if frame.kind is Kind.HELLO else None
        if not isinstance(told, dict):
            raise Broken(f"{frame.kind.name} before HELLO")
        epoch, name, nonce = told.get("epoch"), told.get("supervisor"), told.get("nonce")
        if not isinstance(epoch, int) or not isinstance(name, str) or not isinstance(nonce, str):
            raise Broken("a HELLO with other fields")
        words = ((self._guests[line].nonce, nonce), epoch, name, self._session)
        if not proven(told.get("mac"), self._key, "supervisor", *words):
            raise Broken("it does not know the bundle's key")
        if epoch < self._holder[0] or (epoch == self._holder[0] and name != self._holder[1]):
            line.send(json_frame(Kind.STALE, {"epoch": self._holder[0]}))
            raise Broken("a supervisor of an earlier epoch")
        self._drop()
        del self._guests[line]
        self._holder = (epoch, name)
        self._link = line
        self._flow, self._told = _Flow.MUTED, self._end  # WELCOME says how far it is
        self._typing = 0
        mac = proof(self._key, "worker", *words)
        self._send(json_frame(Kind.WELCOME, {"mac": mac, "state": self._asked.welcome(epoch)}))

    # What the supervisor says

    def _take(self, ticket: Ticket, frame: Frame) -> None:
        if frame.kind is Kind.KEYS:
            self._asked.take_keys(frame.payload)
            self._typing = frame.number
        elif frame.kind is Kind.UNMUTE:
            self._go_live()
        elif frame.kind is Kind.MUTE:
            self._flow = _Flow.MUTED
        elif frame.kind is Kind.PING:
            self._send(Frame(Kind.PONG, frame.number))
        elif frame.kind is Kind.PACE:
            self._asked.pace(frame.number / 1000)
        elif frame.kind in (Kind.COMMAND, Kind.SNAPSHOT):
            self._answer_to(ticket, frame)
        else:
            raise Broken(f"a supervisor that sends {frame.kind.name}")

    def _answer_to(self, ticket: Ticket, frame: Frame) -> None:
        take: Callable[[Ticket, Any], None]
        take = self._asked.take_command if frame.kind is Kind.COMMAND else self._asked.take_snapshot
        try:
            take(ticket, frame.json())
        except Refused as error:
            self.answer(ticket, {"error": {"code": error.code, "detail": error.detail, "hint": error.hint}})

    def _go_live(self) -> None:
        self._flow = _Flow.LIVE
        # Keys that wait here must not be overtaken: then nothing is lent, and those that follow come here as well.
        lent = self._asked.terminal if self._asked.typed else -1
        self._send(Frame(Kind.LIVE, self._end), lent)
