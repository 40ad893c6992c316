"""The screen of a box in this process: the registry's changes come out as the messages of the box's stream."""

from __future__ import annotations

import contextlib
import os
import pty
from collections.abc import Iterator
from contextlib import AbstractContextManager, aclosing
from typing import Any, cast

import pytest
import trio

from supervisor.core.access import Principal
from supervisor.logs import Outlet
from supervisor.ownscreen import box_updates, show_own_status
from supervisor.sessions.news import NoPairings
from supervisor.sessions.session import Session
from supervisor.sessions.watch import BOX, Watch, Watches
from supervisor.statusscreen import Leaving
from workers.errors import Refused

LINK = {"id": "pairing_1", "code": "7K3Q-2XWM", "urls": ["http://localhost/pair#s"], "expires_at": "2026-01-01T00:05Z"}


class Shown(dict[str, Any]):
    """What stands for a session here, and is its own description."""

    gone = False


class OneOpen(NoPairings):
    """The link that the screen is given is open."""

    def shown(self) -> list[dict[str, Any]]:
        return [{**LINK, "state": "waiting", "claimed": None, "opened": False, "contenders": [], "tries_left": 5}]


class SmallBox:
    """A box whose sessions are their own descriptions."""

    def __init__(self) -> None:
        self.mode = "same-dir"
        self.known: dict[str, dict[str, Any]] = {}
        self.watches = Watches()
        self.pairings = OneOpen()

    def describe(self, principal: Principal) -> dict[str, Any]:
        return {"name": "vm", "spawn_mode": self.mode, "used": len(self.known), "capacity": 32, "you": principal.you()}

    def sessions(self, principal: Principal) -> list[Session]:
        return [self.session(id) for id in self.known]

    def session(self, id: str) -> Session:
        if id not in self.known:
            raise Refused("unknown_session", f"there is no session {id}")
        return cast(Session, Shown(self.known[id]))  # all that is done with it is to show it

    def show(self, session: Session) -> dict[str, Any]:
        return cast(dict[str, Any], session)

    def watch(self) -> AbstractContextManager[Watch]:
        return self.watches.watching()

    async def switch_mode(self, mode: str) -> None:
        self.mode = mode
        self.watches.touch(BOX)

    async def invite(self) -> dict[str, Any]:
        return LINK

    async def accept(self, pairing: str, number: str) -> None:
        """Nobody asks here."""

    async def call_off(self, pairing: str) -> None:
        """Likewise."""


async def test_changes_come_out_as_messages() -> None:
    box = SmallBox()
    box.known["a"] = {"id": "a"}
    async with aclosing(box_updates(box)) as updates:
        hello = await anext(updates)
        assert (hello["type"], hello["sessions"], hello["box"]["used"]) == ("hello", [{"id": "a"}], 1)
        box.known["b"] = {"id": "b"}
        box.watches.touch("b")
        assert await anext(updates) == {"type": "session", "session": {"id": "b"}}
        del box.known["b"]
        box.watches.touch("b")
        assert await anext(updates) == {"type": "session_gone", "id": "b"}
        box.watches.touch(BOX)
        assert (await anext(updates))["type"] == "box"


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    keyboard, terminal = pty.openpty()
    yield keyboard, terminal
    for descriptor in (keyboard, terminal):
        with contextlib.suppress(OSError):
            os.close(descriptor)


async def sees(keyboard: int, text: bytes) -> None:
    seen = b""
    with trio.fail_after(10):
        while text not in seen:
            await trio.lowlevel.wait_readable(keyboard)
            seen += os.read(keyboard, 1 << 16)


async def test_it_shows_the_box_and_the_log_until_somebody_leaves(terminal: tuple[int, int]) -> None:
    box, outlet, left = SmallBox(), Outlet(), list[Leaving]()
    keyboard, screen = terminal

    async def show() -> None:
        left.append(await show_own_status(box, box, outlet, trio.Event(), stdin=screen, stdout=screen))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(show)
        await sees(keyboard, b"Mode: same-dir")
        os.write(keyboard, b"w")
        await sees(keyboard, b"Mode: worktree")
        outlet.say("something happened")
        await sees(keyboard, b"something happened")
        os.write(keyboard, b"q")
    assert left == [Leaving.LEFT]


async def test_a_dropped_screen_gives_the_terminal_back_and_nobody_left(terminal: tuple[int, int]) -> None:
    dropped, left = trio.Event(), list[Leaving]()
    keyboard, screen = terminal
    box = SmallBox()

    async def show() -> None:
        left.append(await show_own_status(box, box, Outlet(), dropped, LINK, screen, screen))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(show)
        await sees(keyboard, b"7K3Q-2XWM")
        dropped.set()
        await sees(keyboard, b"\x1b[?1049l")
    assert left == [Leaving.GONE]


async def test_a_terminal_that_is_gone_before_the_screen_is_there_ends_only_the_screen() -> None:
    box, (read, write) = SmallBox(), os.pipe()
    try:
        left = await show_own_status(box, box, Outlet(), trio.Event(), stdin=read, stdout=write)
    finally:
        os.close(read)
        os.close(write)
    assert left is Leaving.GONE
