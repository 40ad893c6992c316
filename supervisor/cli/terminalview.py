"""A terminal session on the asker's own terminal: draws what comes, sends what is typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from supervisor.cli import ownterminal
from supervisor.cli.following import DETACHED, ENDED, Outcome
from supervisor.cli.keyboard import Keyboard
from supervisor.cli.outputfilter import Filter
from supervisor.cli.overlay import Overlay
from supervisor.cli.screenmodes import RESET, ScreenModes
from supervisor.client.farewell import refusal_of_bye
from supervisor.client.line import Line
from workers.core.lifecycle import ENDED as ENDED_STATES
from workers.errors import Broken

OUTPUT, STATE = 1, 2  # the first octet of a binary message
HEAD = 9  # octets before the terminal's own
DRAIN_SECONDS = 2.0  # for output that is still on its way when the agent has ended
TELL_AFTER = 1.0  # seconds without a line until it is said; a restart of the box takes about as long


class TerminalView:
    """One attachment. `seq`, `offset`, `history` say up to where everything was drawn; `fresh`: a whole screen is
    wanted instead of going on from there. `whole`: where nobody sits at a terminal, everything from the session's
    beginning on."""

    def __init__(self, session: dict[str, Any], keyboard: Keyboard, allow: frozenset[str], whole: bool = False) -> None:
        self.name = str(session["name"])
        self._keyboard = keyboard
        self._filter = Filter(allow)
        self._modes = ScreenModes()
        self._overlay = Overlay()
        self._writing = trio.Lock()
        self._seq: int | None = None
        self._told_seq = 0  # what `hello` says of the session holds after this event; older ones are the past
        self._offset = 0
        self._history: str | None = None
        self._fresh = self._overlay.is_terminal or not whole
        self._live_at: int | None = None  # while a snapshot is replayed
        self._connection: str | None = None
        self._ended: Outcome | None = None
        self._told_offset = 0  # how much there was at the last `hello`
        self._end_offset = 0

    # What `follow` asks

    def query(self) -> dict[str, object]:
        where = {"after": self._seq, "history": self._history}
        if self._fresh:
            self._overlay.leave_to_others()
            return {"catch_up": "screen", **where}
        return {"catch_up": "all", "terminal_after": self._offset, **where}

    async def cut(self, seconds: float) -> None:
        if self._overlay.is_shown or (self._overlay.is_terminal and seconds < TELL_AFTER):
            return
        # Among lines it can stand as one more, and they go on where they were. On a screen that a program has to
        # itself it would stay in the way: that one is drawn anew.
        self._fresh = self._fresh or self._modes.alternate
        text = "reconnecting…; keys are not kept; Ctrl-] d leaves" if self._overlay.is_terminal else "reconnecting…"
        await self._tell(text, among_lines=not self._modes.alternate)

    async def read(self, line: Line) -> Outcome | None:
        async with trio.open_nursery() as typing:
            typing.start_soon(self._keyboard.send, line)
            outcome = await self._read(line)
            typing.cancel_scope.cancel()
        return outcome

    async def _read(self, line: Line) -> Outcome | None:
        while not self._is_over():
            with trio.move_on_at(self._deadline()) as waiting:
                message = await line.receive()
            if waiting.cancelled_caught:
                self._fresh = self._ended is None
                break
            if isinstance(message, bytes):
                await self._draw(message)
            elif (take := _MESSAGES.get(str(message.get("type")))) and await take(self, message):
                return None
        return self._ended

    def _deadline(self) -> float:
        if self._ended is not None:
            return trio.current_time() + DRAIN_SECONDS
        return self._overlay.repaint_at

    def _is_over(self) -> bool:
        return self._ended is not None and self._live_at is None and self._offset >= self._end_offset

    # What the box says; True: another line is wanted

    async def _hello(self, message: dict[str, Any]) -> bool:
        session = message["session"]
        self._history = message["history"]
        self._connection = message.get("connection")
        self._told_seq = int(message["last_seq"])
        self._told_offset = int((session.get("terminal") or {}).get("offset") or 0)
        if self._seq is None:
            self._seq = self._told_seq
        self._fresh = False
        self._overlay.clear()
        self._ended = None
        if session["state"] in ENDED_STATES:
            self._end(session["state"], session.get("exit"), (session.get("terminal") or {}).get("offset"))
        else:
            self._keyboard.tell_size()
        return False

    async def _event(self, message: dict[str, Any]) -> bool:
        self._seq = int(message["seq"])
        update = message["update"]
        if update.get("sessionUpdate") == "_rc/process" and self._seq > self._told_seq:
            if update["state"] in ENDED_STATES:
                self._end(update["state"], update, update.get("terminal_offset"))
            elif self._ended and self._ended.how == ENDED:
                self._ended = None
        elif update.get("sessionUpdate") == "_rc/renamed":
            self.name = str(update["name"])
        return False

    def _end(self, state: str, exit: dict[str, Any] | None, offset: int | None) -> None:
        self._ended = Outcome(ENDED, exit, state)
        self._end_offset = offset if offset is not None else self._end_offset

    async def _screen(self, message: dict[str, Any]) -> bool:
        self._live_at = int(message["live_at"])
        self._keyboard.mute()
        if self._overlay.is_terminal:
            await self._write(RESET)
        return False

    async def _start_anew(self, message: dict[str, Any]) -> bool:
        """The numbers that we have are not the box's any more, or what lies between is lost: take the whole screen."""
        if message["type"] == "history_changed":
            self._history, self._seq = message["history"], int(message["last_seq"])
        self._fresh = True
        return True

    async def _gap(self, message: dict[str, Any]) -> bool:
        self._seq = int(message["to"])
        return False

    async def _lease(self, message: dict[str, Any]) -> bool:
        holder = message.get("holder")
        if holder and holder.get("connection") == self._connection:
            self._keyboard.tell_size()
        return False

    async def _refused(self, message: dict[str, Any]) -> bool:
        error = message["error"]
        if message.get("id") == "size":
            return False  # somebody else's terminal counts
        if message.get("id") is None and error.get("code") == "invalid" and "end" in error:
            self._fresh = True  # a box that was set back knows less than we have drawn
            return True
        await self._tell(_lease_text(error) if error.get("code") == "lease_held" else str(error.get("detail")))
        return False

    async def _pong(self, message: dict[str, Any]) -> bool:
        """All that was piped to the session has arrived, and whoever piped it leaves when the screen is drawn."""
        if self._ended is None:
            self._ended, self._end_offset = Outcome(DETACHED), self._told_offset
        return False

    async def _bye(self, message: dict[str, Any]) -> bool:
        if refusal := refusal_of_bye(message, self.name):
            raise refusal
        raise Broken("the box is stopping")

    # Drawing

    async def _draw(self, message: bytes) -> None:
        kind, offset, data = message[0], int.from_bytes(message[1:HEAD], "big"), message[HEAD:]
        if kind == OUTPUT:
            if self._live_at is None and offset < self._offset:
                data = data[self._offset - offset :]
                offset = self._offset
            self._offset = offset + len(data)
        elif kind == STATE:
            self._offset = offset
            data = data if self._overlay.is_terminal else b""  # for a terminal alone, and no word of the program's
        await self._write(self._filter.feed(data))
        if self._live_at is not None and self._offset >= self._live_at:
            self._live_at = None
            self._keyboard.unmute()

    async def _write(self, data: bytes) -> None:
        self._modes.feed(data)
        async with self._writing:
            await ownterminal.write(data)

    async def _tell(self, text: str, among_lines: bool = False) -> None:
        async with self._writing:
            await self._overlay.show(text, among_lines)

    def way_back(self) -> bytes:
        """What gives the asker's terminal back, after everything else."""
        return self._modes.way_back() + b"\r\n" if self._overlay.is_terminal else b""


def _lease_text(error: dict[str, Any]) -> str:
    by, until = error.get("by") or {}, error.get("until")
    when = f" until {str(until)[11:19]} UTC" if until else ""
    return f"{by.get('person') or 'somebody'} types here{when}; Ctrl-] t takes over"


_Take = Callable[[TerminalView, dict[str, Any]], Awaitable[bool]]
_MESSAGES: dict[str, _Take] = {
    "hello": TerminalView._hello,
    "event": TerminalView._event,
    "screen": TerminalView._screen,
    "gap": TerminalView._gap,
    "terminal_gap": TerminalView._start_anew,
    "history_changed": TerminalView._start_anew,
    "lease": TerminalView._lease,
    "refused": TerminalView._refused,
    "pong": TerminalView._pong,
    "bye": TerminalView._bye,
}
