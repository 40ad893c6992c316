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

LINK: dict[str, Any] = {
    "id": "pairing_1",
    "code": "7K3Q-2XWM",
    "urls": ["https://box.example/pair#secret"],
    "expires_at": "2026-01-01T00:05:00.000Z",
}
NUMBER = "049301"


@dataclass
class Stage:
    """A screen on a terminal: `keyboard` is the other end of it. `tell` gives messages to the screen."""

    keyboard: int
    terminal: int
    tell: trio.MemorySendChannel[dict[str, Any]]
    told: trio.MemoryReceiveChannel[dict[str, Any]]
    switched: list[str] = field(default_factory=list)
    refusal: Refused | None = None
    typed: list[str] = field(default_factory=list)
    seen: bytes = b""

    async def switch_mode(self, mode: str) -> None:
        if self.refusal:
            raise self.refusal
        self.switched.append(mode)
        await self.tell.send({"type": "box", "box": {**BOX, "spawn_mode": mode}})

    async def invite(self) -> dict[str, Any]:
        await self.tell_pairing()
        return LINK

    async def accept(self, pairing: str, number: str) -> None:
        self.typed.append(number)
        if number != NUMBER:
            await self.tell_pairing(opened=True, tries_left=2)
            raise Refused("invalid", "this is not the number", "type the other one")
        await self.tell_pairing(state="accepted", opened=True)

    async def call_off(self, pairing: str) -> None:
        await self.tell_pairing(state="refused", opened=bool(self.typed))

    async def tell_pairing(self, state: str = "waiting", opened: bool = False, tries_left: int = 3) -> None:
        claimed = {"address": "198.51.100.7", "label": "Ana's phone"} if opened else None
        pairing = {"id": LINK["id"], "state": state, "claimed": claimed, "opened": opened, "contenders": []}
        await self.tell.send({"type": "pairing", "pairing": {**pairing, "tries_left": tries_left}})

    def screen(self) -> StatusScreen:
        async def updates() -> AsyncIterator[dict[str, Any]]:
            async for message in self.told:
                yield message

        return StatusScreen(updates(), self, self.terminal, self.terminal)

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
        for key, page in ((b"?", "this page, and back"), (b"a", "To get at a session"), (b"a", "No sessions.")):
            stage.type(key)
            await stage.sees(page)
        stage.type(b"a")
        await stage.sees("To get at a session")
        stage.type(b"\x1b")
        await stage.sees("No sessions.")
        stage.type(b"q")


async def test_the_space_bar_makes_a_link_and_shows_it_again(stage: Stage) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.screen().run)
        await stage.sees("No sessions.")
        stage.type(b" ")
        await stage.sees("Code 7K3Q-2XWM")
        stage.type(b" ")
        await stage.sees("space shows its QR")
        stage.type(b" ")
        await stage.sees("Waiting for the device")
        stage.type(b"x")
        await stage.sees("the link is void; space makes another")
        stage.type(b"q")


async def test_the_number_is_typed_on_any_page_and_a_wrong_one_is_told(stage: Stage) -> None:
    screen = stage.screen()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(screen.run)
        await stage.sees("No sessions.")
        await stage.tell_pairing(opened=True)
        await stage.sees("Ana's phone (198.51.100.7) wants in.")
        stage.type(b"12\x7f")
        await stage.sees("1__ ___")
        stage.type(b"23 456")
        await stage.sees("2 of 3 tries left")
        assert stage.typed == ["123456"]
        stage.type(b" ")
        await stage.sees("this is not the number")
        stage.type(NUMBER.encode())
        await stage.sees("Ana's phone is paired")
        await stage.tell_pairing(opened=True)
        await stage.sees("wants in.")
        stage.type(b"x")
        await stage.sees("was not let in")
        assert screen.invitation is None
        stage.type(b"q")


async def test_a_link_that_others_can_open_is_shown_at_once_with_its_qr(stage: Stage) -> None:
    stage.told.receive_nowait()
    pairing = {"id": LINK["id"], "state": "waiting", "claimed": None, "opened": False, "contenders": []}
    stage.tell.send_nowait({**HELLO, "pairings": [pairing]})
    screen = stage.screen()
    screen.offer(LINK)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(screen.run)
        await stage.sees("\u2580\u2580\u2580\u2580\u2580")
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
