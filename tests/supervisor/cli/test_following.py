"""Staying on a stream."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from supervisor.cli.following import DETACHED, Outcome, follow
from supervisor.client.line import Line
from tests.supervisor.cli.stage import client_at, stage
from workers.errors import Broken, Refused

LEFT = Outcome(DETACHED)


class Counting:
    """Reads one message a line; `wants` says how each line ends: False with another one, True with the end."""

    def __init__(self, *wants: bool) -> None:
        self.wants = list(wants)
        self.heard: list[object] = []
        self.cuts: list[float] = []

    def query(self) -> dict[str, object]:
        return {"after": len(self.heard)}

    async def read(self, line: Line) -> Outcome | None:
        self.heard.append(await line.receive())
        return LEFT if self.wants.pop(0) else None

    async def cut(self, seconds: float) -> None:
        self.cuts.append(seconds)


async def test_it_goes_on_where_it_was_until_there_is_an_outcome(tmp_path: Path) -> None:
    reader = Counting(False, True)
    async with stage(tmp_path) as box, trio.open_nursery() as nursery:

        async def play() -> None:
            for number in range(2):
                played = await box.next()
                assert played.path == "/v1/code/sessions/s/stream"
                assert played.query == f"after={number}"
                await played.tell("hello")

        nursery.start_soon(play)
        assert await follow(box.client, "s", reader) is LEFT
    assert reader.cuts == []


async def test_after_a_cut_it_tries_again_and_says_for_how_long(tmp_path: Path) -> None:
    reader = Counting(True)
    async with stage(tmp_path) as box, trio.open_nursery() as nursery:

        async def play() -> None:
            first = await box.next()
            box.refusals = [(503, {"code": "not_ready", "detail": "", "hint": ""})]
            await first.cut()
            await (await box.next()).tell("hello")

        nursery.start_soon(play)
        assert await follow(box.client, "s", reader) is LEFT
    assert len(reader.cuts) == 2
    assert 0.04 < reader.cuts[0] < reader.cuts[1]


async def test_what_goes_wrong_before_the_first_word_is_raised(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no box runs"):
        await follow(client_at(str(tmp_path / "rc.sock")), "s", Counting())


async def test_a_session_that_is_gone_is_not_waited_for(tmp_path: Path) -> None:
    async with stage(tmp_path) as box, trio.open_nursery() as nursery:

        async def play() -> None:
            first = await box.next()
            box.refusals = [(404, {"code": "unknown_session", "detail": "gone", "hint": ""})]
            await first.cut()

        nursery.start_soon(play)
        with pytest.raises(Refused, match="gone"):
            await follow(box.client, "s", Counting())


async def test_a_reader_that_is_broken_is_given_another_line(tmp_path: Path) -> None:
    class Picky(Counting):
        async def read(self, line: Line) -> Outcome | None:
            self.heard.append(1)
            if len(self.heard) == 1:
                raise Broken("no")
            return LEFT

    async with stage(tmp_path) as box:
        assert await follow(box.client, "s", Picky()) is LEFT
        assert box.tries == 2
