"""A conversation on the asker's own terminal, with the box played by the test."""

from __future__ import annotations

import os
import signal
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from supervisor.cli.conversation import EVENTS_BEFORE, Conversation
from supervisor.cli.following import DETACHED, ENDED, SIGNALLED, Outcome, follow
from tests.supervisor.cli.stage import Played, Screen, Stage, pipes, stage, terminal
from workers.errors import Refused

EXIT = {"code": 3, "signal": None, "reason": "ended"}


def session(**facts: object) -> dict[str, Any]:
    return {"id": "s", "name": "talk", "state": "running", "exit": None, "terminal": None, "turn": "idle"} | {
        "last_seq": 2,
        **facts,
    }


async def hello(played: Played, last_seq: int = 2, **facts: object) -> None:
    await played.tell("hello", history="h", last_seq=last_seq, session=session(**facts))


async def tell(played: Played, seq: int, **update: object) -> None:
    by = {"person": "ana", "device": None}
    await played.tell("event", seq=seq, at="2026-03-01T12:34:56.789Z", origin="agent", by=by, update=update)


async def say(played: Played, seq: int, kind: str, text: str) -> None:
    await tell(played, seq, sessionUpdate=f"{kind}_message_chunk", content={"type": "text", "text": text})


class Talk:
    def __init__(self, box: Stage, conversation: Conversation) -> None:
        self.box = box
        self.conversation = conversation
        self.outcomes: list[Outcome | Refused] = []
        self.over = trio.Event()

    def end(self, outcome: Outcome | Refused) -> None:
        self.outcomes.append(outcome)
        self.over.set()

    async def ended(self) -> Outcome | Refused:
        with trio.fail_after(5):
            await self.over.wait()
        return self.outcomes[0]


@asynccontextmanager
async def talking(tmp_path: Path, view: bool = False) -> AsyncIterator[Talk]:
    async with stage(tmp_path) as box, trio.open_nursery() as nursery:
        talk = Talk(box, Conversation(session(), view))

        async def run(task: Any, *args: object) -> None:
            try:
                outcome = await task(*args)
            except Refused as refused:
                outcome = refused
            if outcome is not None:
                talk.end(outcome)

        with talk.conversation.lines():
            nursery.start_soon(run, follow, box.client, "s", talk.conversation)
            nursery.start_soon(run, talk.conversation.read_lines)
            yield talk
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def at_terminal(tmp_path: Path, view: bool = False) -> AsyncIterator[tuple[Talk, Screen]]:
    with terminal() as screen:
        async with talking(tmp_path, view) as talk:
            yield talk, screen


async def test_what_was_said_is_printed(tmp_path: Path) -> None:
    async with at_terminal(tmp_path) as (talk, screen):
        played = await talk.box.next()
        assert played.query == "after=0"
        await hello(played)
        await say(played, 1, "user", "hello\x1b[2J")
        await say(played, 2, "agent", "hi\x1b]0;x\x07 there")
        assert await screen.until(b"there") == b"> ana: hello\\x1b[2J\r\nhi\\x1b]0;x\\x07 there"


def test_of_a_long_conversation_the_end_is_shown() -> None:
    talk = Conversation(session(last_seq=EVENTS_BEFORE + 5), view=False)
    assert talk.query() == {"after": 5, "history": None}


async def test_a_line_is_a_prompt_and_not_shown_twice(tmp_path: Path) -> None:
    async with at_terminal(tmp_path) as (talk, screen):
        played = await talk.box.next()
        await hello(played)
        screen.type(b"do it\n\n")
        command = (await played.hear())["command"]
        assert (command["kind"], command["text"]) == ("prompt", "do it")
        await say(played, 3, "user", "do it")
        await say(played, 4, "agent", "done.")
        assert await screen.until(b"done.") == b"do it\r\n\r\ndone."


async def test_a_prompt_that_was_cut_off_is_sent_again_under_its_id(tmp_path: Path) -> None:
    async with at_terminal(tmp_path) as (talk, screen):
        played = await talk.box.next()
        await hello(played)
        screen.type(b"once\n")
        first = (await played.hear())["command"]
        await played.cut()
        again = await talk.box.next()
        assert (await again.hear())["command"] == first
        await tell(again, 3, sessionUpdate="_rc/message_state", message_id=first["message_id"], state="completed")
        await again.print(0, b"")
        screen.type(b"twice\n")
        assert (await again.hear())["command"]["text"] == "twice"


async def test_ctrl_bracket_d_leaves_at_once(tmp_path: Path) -> None:
    async with at_terminal(tmp_path) as (talk, screen):
        await hello(await talk.box.next())
        screen.type(b"half a line\x1d")
        screen.type(b"d")
        assert await talk.ended() == Outcome(DETACHED)


async def test_another_key_behind_it_does_not(tmp_path: Path) -> None:
    async with at_terminal(tmp_path) as (talk, screen):
        played = await talk.box.next()
        await hello(played)
        screen.type(b"\x1d")
        await trio.testing.wait_all_tasks_blocked(0.02)
        screen.type(b"x")
        await trio.testing.wait_all_tasks_blocked(0.02)
        screen.type(b"still here\n")
        assert (await played.hear())["command"]["text"] == "still here"


async def test_ctrl_d_leaves_too(tmp_path: Path) -> None:
    async with at_terminal(tmp_path) as (talk, screen):
        await hello(await talk.box.next())
        screen.type(b"\x04")
        assert await talk.ended() == Outcome(DETACHED)


async def test_the_terminal_is_given_back_as_it_was(tmp_path: Path) -> None:
    with terminal():
        before = termios.tcgetattr(0)
        async with talking(tmp_path):
            assert termios.tcgetattr(0) != before
        assert termios.tcgetattr(0) == before


async def test_whoever_only_looks_says_nothing(tmp_path: Path) -> None:
    async with at_terminal(tmp_path, view=True) as (talk, screen):
        played = await talk.box.next()
        await hello(played)
        screen.type(b"do it\n")
        with trio.move_on_after(0.05) as silence:
            await played.hear()
        assert silence.cancelled_caught


async def test_how_it_ended_is_told(tmp_path: Path) -> None:
    async with at_terminal(tmp_path) as (talk, _):
        played = await talk.box.next()
        await hello(played)
        await tell(played, 3, sessionUpdate="_rc/process", state="exited", **EXIT)
        outcome = await talk.ended()
        assert isinstance(outcome, Outcome)
        assert (outcome.how, outcome.state) == (ENDED, "exited")


async def test_one_that_has_ended_is_read_to_its_end(tmp_path: Path) -> None:
    async with at_terminal(tmp_path) as (talk, _):
        played = await talk.box.next()
        await hello(played, 3, state="exited", exit=EXIT)
        await tell(played, 1, sessionUpdate="_rc/process", state="starting")
        await trio.testing.wait_all_tasks_blocked(0.02)
        assert talk.outcomes == []
        await played.tell("gap", **{"from": 2, "to": 3})
        assert await talk.ended() == Outcome(ENDED, EXIT, "exited")


async def test_an_end_in_the_past_of_one_that_runs_is_no_end(tmp_path: Path) -> None:
    async with at_terminal(tmp_path) as (talk, screen):
        played = await talk.box.next()
        await hello(played, 3)
        await tell(played, 1, sessionUpdate="_rc/process", state="exited", **EXIT)
        await say(played, 4, "agent", "still here")
        await screen.until(b"still here")
        assert talk.outcomes == []


async def test_a_deleted_one_is_told_and_a_stopping_box_waited_for(tmp_path: Path) -> None:
    async with at_terminal(tmp_path) as (talk, _):
        played = await talk.box.next()
        await hello(played)
        await played.tell("bye", reason="supervisor_stopping", retry=True)
        await (await talk.box.next()).tell("bye", reason="session_deleted", retry=False)
        outcome = await talk.ended()
        assert isinstance(outcome, Refused)
        assert outcome.code == "unknown_session"


async def test_what_is_refused_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with at_terminal(tmp_path) as (talk, screen):
        played = await talk.box.next()
        await hello(played)
        screen.type(b"too much\n")
        id = (await played.hear())["id"]
        await played.tell("refused", id=id, error={"code": "rate_limited", "detail": "too many prompts wait"})
        await played.cut()
        await hello(await talk.box.next())
        await trio.testing.wait_all_tasks_blocked(0.02)
    assert capsys.readouterr().err == "rc: too many prompts wait\nrc: reconnecting…\n"


async def test_a_new_history_is_read_from_its_end(tmp_path: Path) -> None:
    async with at_terminal(tmp_path) as (talk, _):
        played = await talk.box.next()
        await hello(played)
        await played.tell("history_changed", history="h2", last_seq=9, terminal_offset=0)
        await tell(played, 10, sessionUpdate="_rc/renamed", name="other")
        await played.cut()
        assert (await talk.box.next()).query == "after=10&history=h2"
        assert talk.conversation.name == "other"


async def test_lines_of_a_pipe_are_prompts_and_it_leaves_when_they_are_answered(tmp_path: Path) -> None:
    with pipes() as (to_stdin, from_stdout):
        os.write(to_stdin, b"one\ntwo")
        os.close(to_stdin)
        async with talking(tmp_path) as talk:
            played = await talk.box.next()
            await hello(played)
            ids = []
            for seq, text in ((3, "one"), (5, "two")):
                command = (await played.hear())["command"]
                assert command["text"] == text
                ids.append(command["message_id"])
                await say(played, seq, "agent", text)
            await tell(played, 6, sessionUpdate="_rc/message_state", message_id=ids[0], state="completed")
            await trio.testing.wait_all_tasks_blocked(0.02)
            assert talk.outcomes == []
            await tell(played, 7, sessionUpdate="_rc/message_state", message_id=ids[1], state="completed")
            assert await talk.ended() == Outcome(DETACHED)
        assert os.read(from_stdout, 100) == b"onetwo"


async def test_a_pipe_that_says_nothing_leaves_when_the_agent_rests(tmp_path: Path) -> None:
    with pipes() as (to_stdin, _):
        os.close(to_stdin)
        async with talking(tmp_path) as talk:
            played = await talk.box.next()
            await hello(played)
            await tell(played, 1, sessionUpdate="_rc/message_state", message_id="m", state="queued")
            await tell(played, 2, sessionUpdate="state_update", state="running")
            await trio.testing.wait_all_tasks_blocked(0.02)
            assert talk.outcomes == []
            await tell(played, 3, sessionUpdate="_rc/message_state", message_id="m", state="completed")
            await trio.testing.wait_all_tasks_blocked(0.02)
            assert talk.outcomes == []
            await tell(played, 4, sessionUpdate="state_update", state="idle")
            assert await talk.ended() == Outcome(DETACHED)


async def test_a_pipe_that_ends_while_the_agent_rests_leaves_at_once(tmp_path: Path) -> None:
    with pipes() as (to_stdin, _):
        async with talking(tmp_path) as talk:
            played = await talk.box.next()
            await hello(played, last_seq=1)
            await say(played, 1, "agent", "x")
            await trio.testing.wait_all_tasks_blocked(0.02)
            os.close(to_stdin)
            assert await talk.ended() == Outcome(DETACHED)


async def test_the_end_of_a_pipe_means_nothing_to_one_who_only_looks(tmp_path: Path) -> None:
    with pipes() as (to_stdin, _):
        os.close(to_stdin)
        async with talking(tmp_path, view=True) as talk:
            played = await talk.box.next()
            await hello(played, last_seq=1)
            await say(played, 1, "agent", "x")
            await trio.testing.wait_all_tasks_blocked(0.02)
            assert talk.outcomes == []


async def test_ctrl_c_interrupts_an_agent_that_works_and_else_ends_us(tmp_path: Path) -> None:
    async with at_terminal(tmp_path) as (talk, _), trio.open_nursery() as nursery:
        played = await talk.box.next()
        await hello(played, turn="running")
        await trio.testing.wait_all_tasks_blocked(0.02)
        outcomes = []

        async def watch() -> None:
            outcomes.append(await talk.conversation.watch_signals())

        nursery.start_soon(watch)
        await trio.testing.wait_all_tasks_blocked()
        os.kill(os.getpid(), signal.SIGINT)
        assert (await played.hear())["command"] == {"kind": "interrupt"}
        await tell(played, 3, sessionUpdate="state_update", state="idle")
        await trio.testing.wait_all_tasks_blocked(0.02)
        os.kill(os.getpid(), signal.SIGINT)
        await trio.testing.wait_all_tasks_blocked(0.02)
    assert outcomes == [Outcome(SIGNALLED, signal=signal.SIGINT)]
