"""The way up: what a worker's journal holds reaches the box in its order, from wherever the box has come to."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import trio

from supervisor.client.line import Line
from supervisor.remote.forward import Forwarder
from supervisor.sessions.session import Session
from tests.supervisor.sessions.livebox import end_all, live_box, until_true
from workers.errors import Broken

PRINTS = "stty -echo -onlcr; printf one; read x; printf two; read x; printf three; exit 4"


class Box:
    """Takes what is told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any] | tuple[int, bytes]] = []
        self.news = trio.Event()

    async def send(self, value: dict[str, Any]) -> None:
        await self._take(value)

    async def send_octets(self, message: bytes) -> None:
        assert message[0] == 1
        await self._take((int.from_bytes(message[1:9], "big"), message[9:]))

    async def _take(self, told: dict[str, Any] | tuple[int, bytes]) -> None:
        await trio.lowlevel.checkpoint()
        self.told.append(told)
        self.news.set()
        self.news = trio.Event()

    @property
    def output(self) -> bytes:
        return b"".join(told[1] for told in self.told if isinstance(told, tuple))

    @property
    def states(self) -> list[str]:
        """Of the process, and where sizes and output lie between them."""
        return [short(told) for told in self.told]

    async def until(self, state: str) -> None:
        with trio.fail_after(20):
            while state not in self.states:
                await self.news.wait()


def short(told: dict[str, Any] | tuple[int, bytes]) -> str:
    if isinstance(told, tuple):
        return told[1].decode()
    return str(told["update"].get("state") or told["update"]["sessionUpdate"])


def forwarder(session: Session, box: Box, number: int = 0, offset: int = 0) -> Forwarder:
    return Forwarder(session, cast("Line", box), number, offset)


async def test_events_and_output_are_told_as_they_come_and_again_from_any_place(tmp_path: Path) -> None:
    box, late = Box(), Box()
    async with live_box(tmp_path) as here, trio.open_nursery() as tasks:
        session = await here.start("sh", "-c", PRINTS)
        tasks.start_soon(forwarder(session, box).run)
        await box.until("one")
        await session.command({"kind": "resize", "rows": 30, "columns": 90}, None)
        session.type(b"\r")
        await box.until("two")
        session.type(b"\r")
        await box.until("exited")
        assert box.states == ["running", "one", "_rc/resized", "two", "three", "exited"]
        assert box.output == b"onetwothree"
        first, last = (told["number"] for told in box.told if isinstance(told, dict) and "state" in told["update"])
        tasks.start_soon(forwarder(session, late, first, 4).run)
        await late.until("exited")
        assert late.output == b"wothree"
        assert late.states[-1] == "exited" and last > first
        tasks.cancel_scope.cancel()


async def test_a_size_comes_between_what_was_printed_before_and_behind_it(tmp_path: Path) -> None:
    box, cached = Box(), Box()
    async with live_box(tmp_path) as here, trio.open_nursery() as tasks:
        session = await here.start("sh", "-c", PRINTS)
        with session.hub.looking():
            await until_true(session, lambda: session.hub.end == 3)
            await session.command({"kind": "resize", "rows": 30, "columns": 90}, None)
            session.type(b"\r")
            await until_true(session, lambda: session.hub.end == 6)
            tasks.start_soon(forwarder(session, cached).run)  # all of it is there before anything is told
            await cached.until("two")
        session.type(b"\r")
        await until_true(session, lambda: session.ended)
        tasks.start_soon(forwarder(session, box).run)
        await box.until("exited")
        assert cached.states[:4] == ["running", "one", "_rc/resized", "two"]
        assert box.states == ["running", "one", "_rc/resized", "twothree", "exited"]
        tasks.cancel_scope.cancel()


async def test_it_ends_with_its_line(tmp_path: Path) -> None:
    class Cut(Box):
        async def send(self, value: dict[str, Any]) -> None:
            raise Broken("the box closed the line")

    async with live_box(tmp_path) as here:
        session = await here.start("sleep", "600")
        await until_true(session, lambda: session.facts.last_seq > 1)
        with pytest.raises(Broken):
            await forwarder(session, Cut()).run()
        assert session.hub.lookers == 0
        await end_all(here)
