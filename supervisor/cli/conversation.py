"""A structured session on the asker's own terminal: prints what is told, sends each typed line as a prompt."""

from __future__ import annotations

import contextlib
import signal
import termios
import uuid
from collections.abc import Iterator
from enum import Enum
from typing import Any

import trio

from supervisor.cli import ownterminal, printing
from supervisor.cli.address import is_terminal
from supervisor.cli.following import DETACHED, ENDED, SIGNALLED, Outcome
from supervisor.cli.narrating import Narrator
from supervisor.client.farewell import refusal_of_bye
from supervisor.client.line import Line
from supervisor.core.printable import visible_block
from workers.core.lifecycle import ENDED as ENDED_STATES
from workers.errors import Broken

EVENTS_BEFORE = 1000  # of the conversation so far that are shown at first; rc logs has all
PROMPTS_WAITING = 64  # lines that the box has not accepted; the next one waits to be read
PREFIX = b"\x1d"  # Ctrl-]

# In `termios` attributes.
_LFLAG, _CC = 3, 6


class Input(Enum):
    """Whether there is more to say."""

    OPEN = "somebody may say something"
    ENDED = "a pipe has ended: leave when the agent rests"


class Conversation:
    """`view`: nothing that is typed goes there. Prompts carry an id, so that one which was cut off is sent again
    without being carried out twice."""

    def __init__(self, session: dict[str, Any], view: bool) -> None:
        self.name = str(session["name"])
        self._view = view
        self._interactive = is_terminal(ownterminal.STDIN)
        self._narrator = Narrator()
        self._seq = max(0, int(session["last_seq"]) - EVENTS_BEFORE)
        self._history: str | None = None
        self._ended: Outcome | None = None
        self._told_seq = 0  # what `hello` says of the session holds after this event; older ones are the past
        self._turn: str | None = session.get("turn")
        self._input = Input.OPEN
        self._open: set[str] = set()  # messages, whoever sent them, that the agent is not done with
        self._unanswered: dict[str, str] = {}  # message id: text
        self._told_cut = False
        self._line: Line | None = None
        self._room = trio.Semaphore(PROMPTS_WAITING)

    # What `follow` asks

    def query(self) -> dict[str, object]:
        return {"after": self._seq, "history": self._history}

    async def cut(self, seconds: float) -> None:
        if not self._told_cut:
            self._told_cut = True
            printing.note("reconnecting…")

    async def read(self, line: Line) -> Outcome | None:
        self._told_cut = False
        for id, text in self._unanswered.items():
            await line.command(id, "prompt", text=text, message_id=id)
        self._line = line
        try:
            while self._ended is None or self._seq < self._told_seq:
                message = await line.receive()
                if isinstance(message, dict):
                    await self._take(message)
                if self._input is Input.ENDED and self._rests():
                    return Outcome(DETACHED)
            return self._ended
        finally:
            self._line = None

    async def _take(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == "hello":
            self._hello(message)
        elif kind == "event":
            self._seq = int(message["seq"])
            self._note(message["update"])
            await self._print(self._narrator.tell(message))
        elif kind == "gap":
            self._seq = int(message["to"])
            printing.note(f"events {message['from']} to {message['to']} are no longer kept")
        elif kind == "history_changed":
            self._history, self._seq = message["history"], int(message["last_seq"])
        elif kind == "refused":
            self._forget(str(message.get("id")))
            printing.note(str(message["error"].get("detail")))
        elif kind == "bye":
            self._bye(message)

    def _hello(self, message: dict[str, Any]) -> None:
        session = message["session"]
        self._history = message["history"]
        self._turn = session.get("turn")
        self._told_seq = int(message["last_seq"])
        if session["state"] in ENDED_STATES:
            self._ended = Outcome(ENDED, session.get("exit"), session["state"])

    def _note(self, update: dict[str, Any]) -> None:
        """What an event means for us, besides being told."""
        kind = update.get("sessionUpdate")
        if kind == "_rc/message_state" and update.get("state") in ("completed", "cancelled"):
            self._forget(str(update.get("message_id")))
            self._open.discard(str(update.get("message_id")))
        elif kind == "_rc/message_state":
            self._open.add(str(update.get("message_id")))
        elif kind == "state_update":
            self._turn = update.get("state")
        elif kind == "_rc/renamed":
            self.name = str(update["name"])
        elif kind == "_rc/process" and self._seq > self._told_seq:
            state = update["state"]
            self._ended = Outcome(ENDED, update, state) if state in ENDED_STATES else None

    def _forget(self, id: str) -> None:
        if self._unanswered.pop(id, None) is not None:
            self._room.release()

    def _bye(self, message: dict[str, Any]) -> None:
        if refusal := refusal_of_bye(message, self.name):
            raise refusal
        raise Broken("the box is stopping")

    async def _print(self, text: str) -> None:
        if text:
            await ownterminal.write(visible_block(text).encode(errors="replace"))

    # Typing

    @contextlib.contextmanager
    def lines(self) -> Iterator[None]:
        """Lines as they are edited in a terminal, but a Ctrl-] is heard at once; afterwards all is as before."""
        if not self._interactive:
            yield
            return
        before = termios.tcgetattr(ownterminal.STDIN)
        try:
            self._set_eager(PREFIX)
            yield
        finally:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(ownterminal.STDIN, termios.TCSADRAIN, before)

    def _set_eager(self, end_of_line: bytes) -> None:
        """A second character that hands over what was typed so far, as Enter does."""
        attributes = termios.tcgetattr(ownterminal.STDIN)
        attributes[_CC][termios.VEOL] = end_of_line
        attributes[_LFLAG] |= termios.ICANON
        termios.tcsetattr(ownterminal.STDIN, termios.TCSANOW, attributes)

    async def read_lines(self) -> Outcome | None:
        """Every line of stdin is a prompt. Ends with it, or when a person leaves."""
        if self._view and not self._interactive:
            return None  # nothing that comes from there counts, not even that it ends
        waiting = b""
        while data := await ownterminal.read():
            if self._interactive and PREFIX in data:
                if await self._leaves():
                    return Outcome(DETACHED)
                continue
            *whole, waiting = (waiting + data).split(b"\n")
            for line in whole:
                await self._say(line.decode(errors="replace"))
        if self._interactive:
            return Outcome(DETACHED)
        await self._say(waiting.decode(errors="replace"))
        self._input = Input.ENDED
        return Outcome(DETACHED) if self._rests() else None

    def _rests(self) -> bool:
        """Whether there is an agent, and it has nothing to do, by all that the box has told so far."""
        told = self._history is not None and self._seq >= self._told_seq and self._ended is None
        return told and not self._unanswered and not self._open and self._turn in (None, "idle")

    async def _leaves(self) -> bool:
        """The key behind a Ctrl-], as soon as it is typed."""
        attributes = termios.tcgetattr(ownterminal.STDIN)
        attributes[_LFLAG] &= ~termios.ICANON
        termios.tcsetattr(ownterminal.STDIN, termios.TCSANOW, attributes)
        key = await ownterminal.read(limit=1)
        self._set_eager(PREFIX)
        return key == b"d"

    async def _say(self, text: str) -> None:
        if not text.strip() or self._view:
            return
        await self._room.acquire()
        id = str(uuid.uuid4())
        self._unanswered[id] = text
        if self._interactive:
            self._narrator.typed_here(text)
        if self._line is not None:
            with contextlib.suppress(Broken):  # sent again when there is a line
                await self._line.command(id, "prompt", text=text, message_id=id)

    async def watch_signals(self) -> Outcome | None:
        """Ctrl-C has the agent leave off; while it rests it ends us, like the other signals."""
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as received:
            async for number in received:
                busy = self._turn not in (None, "idle") and not self._view
                if number != signal.SIGINT or not busy or self._line is None:
                    return Outcome(SIGNALLED, signal=number)
                with contextlib.suppress(Broken):
                    await self._line.command("interrupt", "interrupt")
        return None
