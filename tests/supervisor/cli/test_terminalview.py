"""A terminal session on the asker's own terminal, with the box played by the test."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio

from supervisor.cli.following import DETACHED, ENDED, Outcome, follow
from supervisor.cli.keyboard import LEAVING, Keyboard
from supervisor.cli.outputfilter import CLIPBOARD
from supervisor.cli.ownterminal import raw
from supervisor.cli.screenmodes import RESET
from supervisor.cli.terminalview import TerminalView
from tests.supervisor.cli.stage import PATIENCE, STATE, Played, Screen, Stage, pipes, stage, terminal
from workers.errors import Refused

EXIT = {"code": 3, "signal": None, "reason": "ended"}


def session(**facts: object) -> dict[str, Any]:
    shown = {"start": 0, "offset": 0, "rows": 24, "columns": 80}
    return {"id": "s", "name": "fix", "state": "running", "exit": None, "terminal": shown, **facts}


@dataclass
class Attached:
    """One attachment under way; `outcome` has its end."""

    box: Stage
    screen: Screen
    view: TerminalView
    outcome: list[Outcome | Refused] = field(default_factory=list)
    over: trio.Event = field(default_factory=trio.Event)

    def end(self, outcome: Outcome | Refused) -> None:
        self.outcome.append(outcome)
        self.over.set()

    async def ended(self) -> Outcome | Refused:
        with trio.fail_after(PATIENCE):
            await self.over.wait()
        return self.outcome[0]


@asynccontextmanager
async def attached(tmp_path: Path, allow: str = "") -> AsyncIterator[Attached]:
    with terminal() as screen, raw():
        async with stage(tmp_path) as box, trio.open_nursery() as nursery:
            view = TerminalView(session(), Keyboard(view=False), frozenset(filter(None, [allow])))
            talk = Attached(box, screen, view)

            async def run() -> None:
                try:
                    talk.end(await follow(box.client, "s", view))
                except Refused as refused:
                    talk.end(refused)

            nursery.start_soon(run)
            yield talk
            nursery.cancel_scope.cancel()


async def hello(played: Played, **facts: Any) -> None:
    told = {"protocol": 1, "epoch": 1, "history": "h", "last_seq": 4, "role": "owner", "connection": "c1"}
    await played.tell("hello", **{**told, "session": session(), **facts})


async def begin(talk: Attached, offset: int = 0, screen: bytes = b"") -> Played:
    """A connection that has been shown the screen, up to this offset."""
    played = await talk.box.next()
    await hello(played)
    await played.tell("screen", live_at=offset)
    await played.tell("size", rows=24, columns=80)
    await played.print(offset - len(screen), b"", STATE)
    await played.print(offset - len(screen), screen)
    return played


async def process(played: Played, seq: int, state: str, **facts: object) -> None:
    update = {"sessionUpdate": "_rc/process", "state": state, **facts}
    await played.tell("event", seq=seq, at="", origin="rc", update=update)


async def test_the_screen_is_asked_for_and_drawn_on_a_reset_terminal(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        played = await begin(talk, 10, b"screen")
        assert played.query == "catch_up=screen"
        await played.print(10, b" and more")
        assert await talk.screen.until(b"more") == RESET + b"screen and more"


async def test_the_size_is_told_at_once(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        played = await begin(talk)
        assert (await played.hear())["command"] == {"kind": "resize", "rows": 24, "columns": 80}


async def test_it_is_told_again_when_the_lease_is_ours(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        played = await begin(talk)
        await played.hear()
        await played.tell("lease", holder={"person": "ana", "device": None, "connection": "c2"}, until="")
        await played.tell("lease", holder=None)
        await played.tell("lease", holder={"person": "ana", "device": None, "connection": "c1"}, until="")
        assert (await played.hear())["command"]["kind"] == "resize"


async def test_after_a_cut_it_goes_on_where_it_was(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        played = await begin(talk, 10, b"screen")
        await process(played, 5, "running")
        await played.print(10, b"abc")
        await talk.screen.until(b"abc")
        await played.cut()
        again = await talk.box.next()
        assert again.query == "catch_up=all&terminal_after=13&after=5&history=h"
        await hello(again)
        await again.print(11, b"bcdef")
        assert (await talk.screen.until(b"def")).endswith(b"screenabcdef")


async def test_a_box_that_numbers_anew_is_asked_for_its_screen(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        played = await begin(talk, 10)
        await played.tell("history_changed", history="h2", last_seq=2, terminal_offset=3)
        assert (await talk.box.next()).query == "catch_up=screen&after=2&history=h2"


async def test_so_is_one_that_has_not_kept_what_we_lack(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        await (await begin(talk, 10)).tell("terminal_gap", **{"from": 1, "to": 9})
        assert (await talk.box.next()).query == "catch_up=screen&after=4&history=h"


async def test_so_is_one_that_knows_less_than_we_have_drawn(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        error = {"code": "invalid", "detail": "above the end", "hint": "", "end": 3}
        await (await begin(talk, 10)).tell("refused", id=None, error=error)
        assert (await talk.box.next()).query == "catch_up=screen&after=4&history=h"


async def test_events_that_are_no_longer_kept_are_passed_over(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        played = await begin(talk)
        await played.tell("gap", **{"from": 1, "to": 90})
        await played.cut()
        assert "after=90" in (await talk.box.next()).query


async def test_how_it_ended_is_told_when_all_is_drawn(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        played = await begin(talk)
        await process(played, 5, "exited", **EXIT, terminal_offset=4)
        await played.print(0, b"last")
        outcome = await talk.ended()
        assert isinstance(outcome, Outcome)
        assert (outcome.how, outcome.state, (outcome.exit or {})["code"]) == (ENDED, "exited", 3)
        assert talk.screen.shown.endswith(b"last") or await talk.screen.until(b"last")


async def test_output_that_never_comes_is_not_waited_for_long(
    tmp_path: Path, mock_clock: trio.testing.MockClock
) -> None:
    mock_clock.rate = 20
    async with attached(tmp_path) as talk:
        await process(await begin(talk), 5, "lost", reason="lost", terminal_offset=400)
        assert isinstance(await talk.ended(), Outcome)


async def test_a_session_that_has_ended_is_shown_as_it_was(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        played = await talk.box.next()
        shown = {"start": 0, "offset": 6, "rows": 24, "columns": 80}
        await hello(played, session=session(state="exited", exit=EXIT, terminal=shown))
        await played.tell("screen", live_at=6)
        await played.print(0, b"screen")
        assert await talk.ended() == Outcome(ENDED, EXIT, "exited")
        await talk.screen.until(b"screen")


async def test_a_session_that_is_resumed_goes_on(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        played = await begin(talk)
        await process(played, 5, "exited", terminal_offset=4, **EXIT)
        await process(played, 6, "starting")
        await played.print(0, b"anew")
        await talk.screen.until(b"anew")
        assert talk.outcome == []


async def test_an_end_that_the_resumed_session_has_behind_it_is_no_end(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        await (await begin(talk)).cut()
        played = await talk.box.next()
        await hello(played, last_seq=6)
        await process(played, 5, "exited", terminal_offset=0, **EXIT)
        await played.print(0, b"still here")
        await talk.screen.until(b"still here")
        assert talk.outcome == []


async def test_a_session_that_is_deleted_is_told(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        await (await begin(talk)).tell("bye", reason="session_deleted", retry=False)
        outcome = await talk.ended()
        assert isinstance(outcome, Refused)
        assert (outcome.code, outcome.detail) == ("unknown_session", "fix: session deleted")


async def test_a_box_that_stops_is_waited_for(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        await (await begin(talk)).tell("bye", reason="supervisor_stopping", retry=True)
        await talk.box.next()


async def test_who_holds_the_lease_is_said_and_then_drawn_over(
    tmp_path: Path, mock_clock: trio.testing.MockClock
) -> None:
    mock_clock.rate = 20
    async with attached(tmp_path) as talk:
        played = await begin(talk, 10)
        by = {"person": "ana", "device": None, "connection": "c2"}
        error = {"code": "lease_held", "detail": "", "hint": "", "by": by, "until": "2026-03-01T12:34:56.000Z"}
        await played.tell("refused", id=None, error=error)
        await talk.screen.until(b"rc: ana types here until 12:34:56 UTC; Ctrl-] t takes over")
        assert (await talk.box.next()).query.startswith("catch_up=screen")


async def test_other_refusals_are_said_and_those_of_a_size_are_not(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        played = await begin(talk)
        await played.tell("refused", id="size", error={"code": "lease_held", "detail": "quiet", "hint": ""})
        await played.tell("refused", id="lease", error={"code": "not_allowed", "detail": "may not", "hint": ""})
        assert b"quiet" not in await talk.screen.until(b"may not")


async def test_somebody_without_a_name_holds_it_too(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        error = {"code": "lease_held", "detail": "", "hint": "", "by": None, "until": None}
        await (await begin(talk)).tell("refused", id=None, error=error)
        await talk.screen.until(b"somebody types here; Ctrl-] t")


async def test_what_reaches_for_the_terminal_is_taken_out_unless_allowed(tmp_path: Path) -> None:
    evil = b"\x1b]52;c;x\x07."
    async with attached(tmp_path) as talk:
        await (await begin(talk)).print(0, evil)
        assert b"52" not in await talk.screen.until(b".")
    async with attached(tmp_path, CLIPBOARD) as talk:
        await (await begin(talk)).print(0, evil)
        assert evil in await talk.screen.until(b".")


async def test_the_way_back_is_that_of_what_was_drawn(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        await (await begin(talk)).print(0, b"\x1b[?1049h.")
        await talk.screen.until(b".")
        assert talk.view.way_back().startswith(b"\x1b[?1049l")
        assert talk.view.way_back().endswith(b"\r\n")


async def test_a_long_cut_is_said_on_a_line_of_its_own_and_the_others_go_on(
    tmp_path: Path, mock_clock: trio.testing.MockClock
) -> None:
    async with attached(tmp_path) as talk:
        played = await begin(talk, 10)
        talk.box.refusals = [(503, {"code": "not_ready", "detail": "", "hint": ""})] * 14
        mock_clock.rate = 20
        await played.cut()
        again = await talk.box.next()
        assert again.query.startswith("catch_up=all&terminal_after=10")
        await hello(again)
        await again.print(10, b"more")
        shown = await talk.screen.until(b"more")
        assert shown.endswith("\r\nrc: reconnecting…; keys are not kept; Ctrl-] d leaves\r\nmore".encode())
        assert talk.box.tries == 16


async def test_on_a_screen_of_a_programs_own_it_is_drawn_over(
    tmp_path: Path, mock_clock: trio.testing.MockClock
) -> None:
    async with attached(tmp_path) as talk:
        played = await begin(talk, 10, b"\x1b[?1049hvi")
        await talk.screen.until(b"vi")
        talk.box.refusals = [(503, {"code": "not_ready", "detail": "", "hint": ""})] * 14
        mock_clock.rate = 20
        await played.cut()
        again = await begin(talk, 10)
        assert again.query.startswith("catch_up=screen")
        await again.print(10, b"still the same line")
        shown = await talk.screen.until(b"still the same line")
        assert "7m rc: reconnecting…; keys are not kept; Ctrl-] d leaves \x1b[0m".encode() in shown
        assert talk.box.tries == 16


async def test_a_short_cut_is_not_worth_a_word(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        await begin(talk, 10)
        await talk.view.cut(0.1)
        assert talk.view.query()["catch_up"] == "all"
        await talk.view.cut(10)
        await talk.view.cut(20)
        shown = await talk.screen.until("reconnecting…".encode())
        assert shown.count(b"reconnecting") == 1


async def test_in_a_pipe_a_cut_is_said_on_stderr_and_nothing_is_drawn_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pipes() as (_, from_stdout):
        view = TerminalView(session(), Keyboard(view=False), frozenset())
        async with stage(tmp_path) as box, trio.open_nursery() as nursery:
            nursery.start_soon(follow, box.client, "s", view)
            played = await box.next()
            await hello(played)
            await played.print(0, b"abc")
            await trio.lowlevel.wait_readable(from_stdout)
            assert os.read(from_stdout, 100) == b"abc"
            await played.cut()
            again = await box.next()
            assert again.query == "catch_up=all&terminal_after=3&after=4&history=h"
            nursery.cancel_scope.cancel()
        assert view.way_back() == b""
    assert capsys.readouterr().err == "rc: reconnecting…\n"


async def test_in_a_pipe_there_is_only_what_the_program_prints_and_its_end_leaves(tmp_path: Path) -> None:
    with pipes() as (to_stdin, from_stdout):
        os.close(to_stdin)
        keyboard = Keyboard(view=False)
        view = TerminalView(session(), keyboard, frozenset())
        outcomes: list[Outcome] = []

        async def run() -> None:
            outcomes.append(await follow(box.client, "s", view))
            nursery.cancel_scope.cancel()

        async with stage(tmp_path) as box, trio.open_nursery() as nursery:
            nursery.start_soon(run)
            nursery.start_soon(keyboard.read)
            played = await box.next()
            assert played.query == "catch_up=screen"
            shown = {"start": 0, "offset": 8, "rows": 24, "columns": 80}
            await hello(played, session=session(terminal=shown))
            assert await played.hear() == LEAVING
            await played.tell("pong", id="leaving")
            process = {"sessionUpdate": "_rc/process", "state": "running"}
            await played.tell("event", seq=5, at="", origin="rc", update=process)
            await played.tell("screen", live_at=8)
            await played.print(5, b"\x1b[?25l", STATE)
            await played.print(5, b"abc")
        assert outcomes == [Outcome(DETACHED)]
        assert os.read(from_stdout, 100) == b"abc"
        assert view.way_back() == b""


async def test_who_stays_to_the_end_in_a_pipe_gets_everything(tmp_path: Path) -> None:
    with pipes():
        view = TerminalView(session(), Keyboard(view=False, stays=True), frozenset(), whole=True)
        assert view.query() == {"catch_up": "all", "terminal_after": 0, "after": None, "history": None}
    with terminal():
        view = TerminalView(session(), Keyboard(view=False, stays=True), frozenset(), whole=True)
        assert view.query()["catch_up"] == "screen"


async def test_a_new_name_is_taken_over(tmp_path: Path) -> None:
    async with attached(tmp_path) as talk:
        played = await begin(talk)
        update = {"sessionUpdate": "_rc/renamed", "name": "other"}
        await played.tell("event", seq=5, at="", origin="rc", update=update)
        await played.tell("something_of_a_later_release")
        await played.print(0, b".")
        await talk.screen.until(b".")
        assert talk.view.name == "other"
