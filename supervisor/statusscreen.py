"""The status screen of `rc serve` and `rc top`: it draws what it is told of a box, and takes keys."""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import termios
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Protocol

import trio
from rich.console import Console
from rich.live import Live

from supervisor.core.boxview import BoxView
from supervisor.core.links import best
from supervisor.statusdrawing import draw
from workers.errors import Refused

STDIN, STDOUT = 0, 1
FRAME_SECONDS = 0.05  # 32 busy sessions change many times a second, and nobody reads faster than this
TICK_SECONDS = 10.0  # ages go on though nothing happens
KEYS_MAX = 256  # octets of one read; more is a paste, of which only the first keys are meant
DEFAULT_SIZE = (80, 24)
LAST_WORD_MS = 200  # a terminal that takes nothing for so long is not being drawn

CTRL_C = "\x03"
ESCAPE = "\x1b"
PAGES = {"a": "attach", "?": "help"}


class Leaving(Enum):
    """Why the screen ended."""

    LEFT = "somebody pressed q or Ctrl-C"
    GONE = "the terminal was closed"
    ENDED = "there is nothing more to be told"


class Deeds(Protocol):
    """What keys can do to the box. All of it may raise Refused."""

    async def switch_mode(self, mode: str) -> None: ...

    async def invite(self) -> Mapping[str, Any]:
        """A new pairing, as `POST /v1/pairings` answers."""

    async def accept(self, pairing: str, number: str) -> None: ...

    async def call_off(self, pairing: str) -> None: ...


class StatusScreen:
    """One screen. `updates` gives messages as `/v1/stream` does, `hello` first."""

    def __init__(
        self,
        updates: AsyncIterator[Mapping[str, Any]],
        deeds: Deeds,
        stdin: int = STDIN,
        stdout: int = STDOUT,
    ) -> None:
        self._updates = updates
        self._deeds = deeds
        self._stdin = stdin
        self._stdout = stdout
        self._view = BoxView()
        self._page = "sessions"
        self._dirty = trio.Event()

    def note(self, line: str) -> None:
        """Show a line at the bottom, until newer ones have pushed it out. May be called before `run`."""
        self._view.notes.append(line.splitlines()[0] if line else "")
        self._dirty.set()

    def offer(self, invitation: Mapping[str, Any]) -> None:
        """Show a link at once. May be called before `run`."""
        self._view.pairing.offer(invitation)
        offer = best(invitation["urls"])
        if offer is not None and offer.for_others:  # else there is no QR, and some lines say all that there is
            self._page = "pair"
        self._dirty.set()

    @property
    def invitation(self) -> Mapping[str, Any] | None:
        """The link that was made here, if it is open."""
        return self._view.pairing.invitation

    async def run(self) -> Leaving:
        """Show the screen until somebody leaves it. The terminal is as before on every way out."""
        leaving = Leaving.ENDED

        async def until(wait: Callable[[], Awaitable[Leaving]]) -> None:
            nonlocal leaving
            leaving = await wait()
            screen.cancel_scope.cancel()

        with _cbreak(self._stdin), _Frames(self._stdout) as frames:
            async with trio.open_nursery() as screen:
                screen.start_soon(until, self._follow)
                screen.start_soon(until, self._take_keys)
                screen.start_soon(self._redraw_when_resized)
                screen.start_soon(self._tick)
                screen.start_soon(self._draw, frames)
        return leaving

    async def _follow(self) -> Leaving:
        async for message in self._updates:
            self._view.apply(message)
            pairing = self._view.pairing
            if self._page == "pair" and pairing.invitation is None and pairing.asking is None:
                self._page = "sessions"
            self._dirty.set()
        return Leaving.ENDED

    async def _take_keys(self) -> Leaving:
        while True:
            await trio.lowlevel.wait_readable(self._stdin)
            try:
                typed = os.read(self._stdin, KEYS_MAX).decode("utf-8", "replace")
            except OSError:
                typed = ""
            if not typed:
                return Leaving.GONE
            if typed.startswith(ESCAPE):  # a cursor key, or Escape itself
                self._page = "sessions"
                typed = ""
            for key in typed:
                if key in ("q", CTRL_C):
                    return Leaving.LEFT
                await self._press(key)
            self._dirty.set()

    async def _press(self, key: str) -> None:
        try:
            if self._view.pairing.takes(key):
                await self._type_number(key)
            elif key in _DEEDS:
                await _DEEDS[key](self)
            elif key in PAGES:
                self._turn_to(PAGES[key])
        except Refused as refused:
            self.note(f"{refused.detail}; {refused.hint}")

    def _turn_to(self, page: str) -> None:
        """Or back, when it is there already."""
        self._page = "sessions" if self._page == page else page

    async def _type_number(self, key: str) -> None:
        whole = self._view.pairing.type(key)
        if whole is not None:
            await self._deeds.accept(*whole)

    async def _switch_mode(self) -> None:
        await self._deeds.switch_mode(self._view.other_mode)

    async def _pair(self) -> None:
        if self._page != "pair" and self._view.pairing.shown is None:
            self._view.pairing.offer(await self._deeds.invite())
        self._turn_to("pair")

    async def _refuse(self) -> None:
        pairing = self._view.pairing.shown
        if pairing is not None and (pairing["opened"] or self._page == "pair"):
            await self._deeds.call_off(pairing["id"])

    async def _redraw_when_resized(self) -> None:
        with trio.open_signal_receiver(signal.SIGWINCH) as resizes:
            async for _ in resizes:
                self._dirty.set()

    async def _tick(self) -> None:
        while True:
            await trio.sleep(TICK_SECONDS)
            self._dirty.set()

    async def _draw(self, frames: _Frames) -> None:
        while True:
            await self._dirty.wait()
            self._dirty = trio.Event()
            octets = frames.frame(self._view, self._page)
            # In a thread, given up when we leave: a terminal that does not draw holds nothing but this screen.
            await trio.to_thread.run_sync(_write, self._stdout, octets, abandon_on_cancel=True)
            await trio.sleep(FRAME_SECONDS)


_DEEDS: dict[str, Callable[[StatusScreen], Awaitable[None]]] = {
    "w": StatusScreen._switch_mode,
    " ": StatusScreen._pair,
    "x": StatusScreen._refuse,
}


class _Frames:
    """Makes octets of frames, and sees that the terminal leaves the alternate screen again."""

    def __init__(self, stdout: int) -> None:
        self._stdout = stdout
        self._drawn = io.StringIO()
        self._console = Console(file=self._drawn, force_terminal=True, markup=False, highlight=False, emoji=False)
        self._live = Live(
            console=self._console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )

    def __enter__(self) -> _Frames:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        poll = select.poll()
        poll.register(self._stdout, select.POLLOUT)
        # A frame that a thread is still writing keeps the terminal busy for a moment.
        if any(event & select.POLLOUT for _, event in poll.poll(LAST_WORD_MS)):
            _write(self._stdout, self._take())

    def frame(self, view: BoxView, page: str) -> bytes:
        """The next frame, whole: the size of the terminal is asked for each time."""
        size = DEFAULT_SIZE
        with contextlib.suppress(OSError):
            size = os.get_terminal_size(self._stdout)
        columns, lines = size if all(size) else DEFAULT_SIZE
        self._console.size = (columns, lines)
        self._live.update(draw(view, page, lines, columns, datetime.now(UTC)), refresh=True)
        return self._take()

    def _take(self) -> bytes:
        octets = self._drawn.getvalue().encode("utf-8", "replace")
        self._drawn.seek(0)
        self._drawn.truncate()
        return octets


@contextlib.contextmanager
def _cbreak(stdin: int) -> Iterator[None]:
    """Keys as they are typed, Ctrl-C as one of them; afterwards the terminal is as before."""
    before = termios.tcgetattr(stdin)
    try:
        tty.setcbreak(stdin, termios.TCSANOW)
        keys = termios.tcgetattr(stdin)
        keys[0] &= ~termios.IXON  # with Ctrl-S, half a frame would wait for a Ctrl-Q that nobody thinks of
        keys[3] &= ~termios.ISIG
        termios.tcsetattr(stdin, termios.TCSANOW, keys)
        yield
    finally:
        with contextlib.suppress(termios.error):  # it may be gone
            termios.tcsetattr(stdin, termios.TCSANOW, before)


def _write(stdout: int, octets: bytes) -> None:
    with contextlib.suppress(OSError):  # a terminal that was closed; whoever reads the keys tells it
        while octets:
            octets = octets[os.write(stdout, octets) :]
