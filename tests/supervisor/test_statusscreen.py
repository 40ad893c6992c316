"""The status screen at a real terminal: keys, frames, and the terminal as before on every way out."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import termios
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio
import trio.testing

from supervisor.statusscreen import Leaving, StatusScreen
from workers.errors import Refused

BOX = {"name": "vm", "urls": [], "spawn_mode": "same-dir", "used": 0, "capacity": 32, "projects": []}
HELLO = {"type": "hello", "box": BOX, "sessions": []}


@dataclass
class Stage:
    """A screen on a terminal: `keyboard` is the other end of it. `tell` gives messages to the screen."""

    keyboard: int
    terminal: int
    tell: trio.MemorySendChannel[dict[str, Any]]
    told: trio.MemoryReceiveChannel[dict[str, Any]]
    switched: list[str] = field(default_factory=list)
    refusal: Refused | None = None
    seen: bytes = b""

    async def switch(self, mode: str) -> None:
        if self.refusal:
            raise self.refusal
        self.switched.append(mode)
        await self.tell.send({"type": "box", "box": {**BOX, "spawn_mode": mode}})

    def screen(self) -> StatusScreen:
        async def updates() -> AsyncIterator[dict[str, Any]]:
            async for message in self.told:
                yield message

        return StatusScreen(updates(), self.switch, self.terminal, self.terminal)

    def type(self, keys: bytes) -> None:
        os.write(self.keyboard, keys)

    async def sees(self, text: str) -> None:
        """Read on until this was drawn; what came before it is forgotten."""
        with trio.fail_after(10):
            while text.encode() not in self.seen:
                await trio.lowlevel.wait_readable(self.keyboard)
                self.seen += os.read(self.keyboard, 1 << 16)
        self.seen = self.seen.partition(text.encode())[2]


@pytest.fixture
def stage() -> Iterator[Stage]:
    keyboard, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    tell, told = trio.open_memory_channel[dict[str, Any]](16)
    tell.send_nowait(HELLO)
    yield Stage(keyboard, terminal, tell, told)
    for descriptor in (keyboard, terminal):
        with contextlib.suppress(OSError):
            os.close(descriptor)


async def test_q_leaves_and_the_terminal_is_as_before(stage: Stage) -> None:
    before = termios.tcgetattr(stage.terminal)
    left: list[Leaving] = []
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            left.append(await stage.screen().run())

        nursery.start_soon(run)
        await stage.sees("\x1b[?1049h")
        await stage.sees("Capacity: 0/32")
        assert termios.tcgetattr(stage.terminal) != before
        stage.type(b"q")
        await stage.sees("\x1b[?1049l")
    assert left == [Leaving.LEFT]
    assert termios.tcgetattr(stage.terminal) == before


async def test_control_c_is_a_key_that_leaves(stage: Stage) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.screen().run)
        await stage.sees("Capacity")
        stage.type(b"\x03")


async def test_w_switches_the_mode_and_the_screen_shows_it(stage: Stage) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.screen().run)
        await stage.sees("Mode: same-dir")
        stage.type(b"w")
        await stage.sees("Mode: worktree")
        stage.type(b"w")
        await stage.sees("Mode: same-dir")
        stage.type(b"q")
    assert stage.switched == ["worktree", "same-dir"]


async def test_a_refused_switch_says_why(stage: Stage) -> None:
    stage.refusal = Refused("mode_fixed", "this box serves one session", "start another")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.screen().run)
        stage.type(b"w")
        await stage.sees("this box serves one session; start another")
        stage.type(b"q")


async def test_keys_turn_pages_and_turn_them_back(stage: Stage) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.screen().run)
        await stage.sees("No sessions.")
        for key, page in ((b"?", "this page, and back"), (b" ", "To get at a session"), (b" ", "No sessions.")):
            stage.type(key)
            await stage.sees(page)
        stage.type(b"a")
        await stage.sees("To get at a session")
        stage.type(b"\x1b")
        await stage.sees("No sessions.")
        stage.type(b"q")


async def test_a_cursor_key_does_nothing_else(stage: Stage) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.screen().run)
        await stage.sees("Mode: same-dir")
        stage.type(b"\x1b[A")
        await stage.sees("Mode: same-dir")
        stage.type(b"q")
    assert stage.switched == []


async def test_lines_of_the_log_are_shown_at_the_bottom(stage: Stage) -> None:
    screen = stage.screen()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(screen.run)
        screen.note("worker_lost session=session_1\nTraceback")
        await stage.sees("worker_lost session=session_1")
        stage.type(b"q")


async def test_a_terminal_that_was_closed_ends_the_screen_only(stage: Stage) -> None:
    left: list[Leaving] = []
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            left.append(await stage.screen().run())

        nursery.start_soon(run)
        await stage.sees("Capacity")
        os.close(stage.keyboard)
    assert left == [Leaving.GONE]


async def test_the_end_of_what_is_told_ends_the_screen(stage: Stage) -> None:
    stage.tell.close()
    assert await stage.screen().run() is Leaving.ENDED


async def test_a_cancelled_screen_gives_the_terminal_back(stage: Stage) -> None:
    before = termios.tcgetattr(stage.terminal)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.screen().run)
        await stage.sees("Capacity")
        nursery.cancel_scope.cancel()
    assert termios.tcgetattr(stage.terminal) == before
    await stage.sees("\x1b[?1049l")


async def test_a_terminal_that_nobody_draws_does_not_keep_us_from_leaving(stage: Stage) -> None:
    os.set_blocking(stage.terminal, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(stage.terminal, b"x" * 4096)
    os.set_blocking(stage.terminal, True)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.screen().run)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
