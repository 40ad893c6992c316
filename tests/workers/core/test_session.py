from __future__ import annotations

import json
from typing import Any

import pytest

from workers.adapters.echo import Echo
from workers.adapters.terminal import Terminal
from workers.core import commands, events
from workers.core.agent import Die, EndTurn, Say, Shape, Step, Type
from workers.core.events import MAX_UPDATE
from workers.core.lifecycle import State
from workers.core.past import Past
from workers.core.session import (
    QUEUE_OCTETS,
    Effect,
    EndAgent,
    Order,
    SendSignal,
    Session,
    SetSize,
    WriteEvent,
)
from workers.errors import Refused

ANA = {"person": "ana", "device": "phone"}


class Talk:
    """A session and what it was told, as a conversation; `say` gives back what happened, shortened."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.bodies: list[dict[str, Any]] = []
        self.ids = 0

    def say(self, command: commands.Command, now: float = 0.0, offset: int = 0) -> list[str | Effect]:
        self.ids += 1
        order = Order(command, ANA, "person", f"made-{self.ids}")
        return self.heard(self.session.command(order, now, offset)[1])

    def seq(self, command: commands.Command) -> int:
        return self.session.command(Order(command, ANA, "person", "made"), 0.0, 0)[0]

    def refused(self, command: commands.Command) -> str:
        before = self.session.last_seq
        with pytest.raises(Refused) as refused:
            self.session.command(Order(command, ANA, "person", "made"), 0.0, 0)
        assert self.session.last_seq == before
        return refused.value.code

    def heard(self, effects: list[Effect]) -> list[str | Effect]:
        return [self.shorten(effect) for effect in effects]

    def shorten(self, effect: Effect) -> str | Effect:
        if not isinstance(effect, WriteEvent):
            return effect
        body = json.loads(effect.body)
        self.bodies.append({"seq": effect.seq, **body})
        update = body["update"]
        kind = update.pop("sessionUpdate").removeprefix("_rc/")
        words = [kind, *(str(v["text"] if k == "content" else v) for k, v in update.items() if v is not None)]
        return " ".join(words)


@pytest.fixture
def echo() -> Talk:
    talk = Talk(Session(Echo(), 24, 80, Past()))
    assert talk.heard(talk.session.start()) == ["process starting"]
    assert talk.heard(talk.session.started(None, 0.0, 0)) == ["process running 0", "state_update idle"]
    return talk


@pytest.fixture
def terminal() -> Talk:
    talk = Talk(Session(Terminal(), 24, 80, Past()))
    talk.heard(talk.session.start())
    assert talk.heard(talk.session.started(4711, 0.0, 0)) == ["process running 4711 0"]
    return talk


def test_a_prompt_is_accepted_started_said_and_completed(echo: Talk) -> None:
    assert echo.say(commands.Prompt("hi", "m1")) == [
        "command prompt m1",
        "message_state m1 started",
        "state_update running",
        "user_message_chunk hi",
        "agent_message_chunk hi",
        "state_update idle end_turn",
        "message_state m1 completed",
    ]
    assert [body["seq"] for body in echo.bodies] == list(range(1, 11))
    assert echo.session.last_seq == 10
    accepted, *_, completed = echo.bodies[3:]
    assert (accepted["origin"], accepted["by"]) == ("person", ANA)
    assert "turn" not in accepted
    assert (completed["origin"], completed["turn"]) == ("rc", "m1")
    assert {body["origin"] for body in echo.bodies if body["update"].get("content")} == {"person", "agent"}


def test_a_prompt_without_an_id_gets_one(echo: Talk) -> None:
    assert echo.say(commands.Prompt("hi"))[0] == "command prompt made-1"


def test_one_turn_at_a_time_the_next_prompt_waits(echo: Talk) -> None:
    echo.say(commands.Prompt("wait 5", "a"), now=100.0)
    assert (echo.session.turn, echo.session.wake_at) == ("running", 105.0)
    assert echo.say(commands.Prompt("two", "b")) == ["command prompt b", "message_state b queued"]
    assert echo.say(commands.Prompt("three", "c")) == ["command prompt c", "message_state c queued"]
    assert echo.session.queue == ["b", "c"]
    assert echo.heard(echo.session.tick(104.0)) == []
    happened = echo.heard(echo.session.tick(105.0))
    assert happened[:3] == ["agent_message_chunk waited 5", "state_update idle end_turn", "message_state a completed"]
    assert happened[3] == "message_state b started"
    assert happened[-1] == "message_state c completed"
    assert (echo.session.turn, echo.session.queue, echo.session.wake_at) == ("idle", [], None)


def test_prompts_wait_for_an_agent_that_is_still_starting() -> None:
    talk = Talk(Session(Echo(), 24, 80, Past()))
    assert talk.say(commands.Prompt("hi", "a")) == ["command prompt a", "message_state a queued"]
    assert talk.session.turn is None
    happened = talk.heard(talk.session.started(None, 0.0, 0))
    assert happened[:3] == ["process running 0", "state_update idle", "message_state a started"]
    assert happened[-1] == "message_state a completed"


def test_a_queued_message_can_be_cancelled_and_only_that(echo: Talk) -> None:
    for name in "abc":
        echo.say(commands.Prompt("wait 5", name))
    assert echo.say(commands.CancelMessage("b")) == ["command cancel_message b", "message_state b cancelled"]
    assert echo.session.queue == ["c"]
    assert echo.refused(commands.CancelMessage("b")) == "invalid_state"
    assert echo.refused(commands.CancelMessage("a")) == "invalid_state"
    assert echo.refused(commands.CancelMessage("z")) == "not_found"


def test_an_interrupt_ends_the_turn_and_the_next_begins(echo: Talk) -> None:
    echo.say(commands.Prompt("wait 5", "a"))
    echo.say(commands.Prompt("two", "b"))
    happened = echo.say(commands.Interrupt())
    assert happened[:4] == [
        "command interrupt",
        "state_update idle cancelled",
        "message_state a cancelled",
        "message_state b started",
    ]
    assert echo.say(commands.Interrupt()) == ["command interrupt"]


def test_a_repeat_is_not_carried_out_again_and_gets_the_first_number(echo: Talk) -> None:
    first = echo.seq(commands.Prompt("hi", "m1"))
    last = echo.session.last_seq
    assert echo.seq(commands.Prompt("hi", "m1")) == first
    assert echo.seq(commands.Stop("m1")) == first
    assert echo.session.last_seq == last
    assert echo.session.state is State.RUNNING


def test_whoever_may_not_may_still_hear_what_was_accepted(echo: Talk) -> None:
    first = echo.seq(commands.Prompt("hi", "m1"))
    held = Refused("lease_held", "ana is typing", "wait")

    def ask(command: commands.Command) -> int:
        return echo.session.command(Order(command, ANA, "person", "made", held), 0.0, 0)[0]

    assert ask(commands.Prompt("hi", "m1")) == first
    for command in (commands.Prompt("hi", "m2"), commands.Prompt("hi")):
        with pytest.raises(Refused, match="ana is typing"):
            ask(command)


def test_a_repeat_is_known_after_a_resume() -> None:
    past = Past()
    past.read(7, events.body_of(events.accepted("prompt", "m1"), "person"))
    past.read(8, events.body_of(events.message_state("m1", "started"), "rc"))
    past.read(9, events.body_of(events.resized(30, 90, 0), "person"))
    talk = Talk(Session(Echo(), 24, 80, past))
    assert talk.heard(talk.session.start()) == ["process starting", "message_state m1 cancelled"]
    assert [body["seq"] for body in talk.bodies] == [10, 11]
    assert (talk.session.rows, talk.session.columns) == (30, 90)
    assert talk.seq(commands.Prompt("hi", "m1")) == 7


def test_too_many_waiting_prompts_are_refused(echo: Talk) -> None:
    echo.say(commands.Prompt("wait 5", "a"))
    text = "x" * (QUEUE_OCTETS // 4 - 600)
    for name in "bcde":
        echo.say(commands.Prompt(text, name))
    assert echo.refused(commands.Prompt(text, "f")) == "rate_limited"
    assert echo.session.queue == ["b", "c", "d", "e"]


def test_an_agent_inside_the_product_can_end_by_itself(echo: Talk) -> None:
    happened = echo.say(commands.Prompt("die 3", "a"))
    assert happened[-2:] == ["message_state a cancelled", "process exited 3 ended 0"]
    assert echo.session.exit == {"code": 3, "signal": None, "reason": "ended", "terminal_offset": 0}
    assert echo.session.turn is None


class Script:
    """An agent that answers every prompt, and every tick, with the same steps."""

    shape = Shape.INSIDE

    def __init__(self, *steps: Step) -> None:
        self.wake_at: float | None = 0.0
        self.steps = [*steps]

    def prompt(self, text: str, now: float) -> list[Step]:
        return [] if text == "later" else self.steps

    def interrupt(self) -> list[Step]:
        return self.steps

    def tick(self, now: float) -> list[Step]:
        return self.steps


SAID = Say(events.agent_text("said"))
DONE = EndTurn("end_turn")


@pytest.mark.parametrize(
    "steps", [[Die(1)], [Die(1), SAID], [Die(1), SAID, DONE], [Die(1), Die(2)], [Die(1), Type(b"x")], [DONE, Die(1)]]
)
@pytest.mark.parametrize("waiting", [[], ["b", "c"]])
@pytest.mark.parametrize("how", ["at once", "in a tick", "when interrupted"])
def test_nothing_is_told_behind_the_end_of_an_agent(how: str, waiting: list[str], steps: list[Step]) -> None:
    talk = Talk(Session(Script(*steps), 24, 80, Past()))
    if how == "at once":
        for name in ("a", *waiting):
            talk.say(commands.Prompt("now", name))
        happened = talk.heard(talk.session.started(None, 0.0, 0))
    else:
        talk.heard(talk.session.started(None, 0.0, 0))
        for name in ("a", *waiting):
            talk.say(commands.Prompt("later", name))
        happened = talk.heard(talk.session.tick(0.0)) if how == "in a tick" else talk.say(commands.Interrupt())
    assert happened[-1] == "process exited 1 ended 0"
    assert [body["seq"] for body in talk.bodies] == list(range(1, len(talk.bodies) + 1))
    assert talk.session.wake_at is None
    assert talk.heard(talk.session.tell("warning", "too late")) == []
    over = [body["update"] for body in talk.bodies if body["update"].get("state") in ("completed", "cancelled")]
    assert sorted(update["message_id"] for update in over) == ["a", *waiting]


def test_an_agent_without_a_program_takes_no_size_and_no_signal(echo: Talk) -> None:
    assert echo.refused(commands.Resize(24, 80)) == "invalid"
    assert echo.refused(commands.Signal("INT")) == "invalid"


def test_stopping_cancels_what_waits(echo: Talk) -> None:
    echo.say(commands.Prompt("wait 5", "a"))
    echo.say(commands.Prompt("two", "b"))
    assert echo.say(commands.Stop()) == ["command stop", "process stopping stopped", EndAgent()]
    assert echo.heard(echo.session.ended(None, None, 0, forced=False)) == [
        "message_state a cancelled",
        "message_state b cancelled",
        "process exited stopped 0",
    ]


def test_a_prompt_to_a_terminal_is_typed_and_never_written_down(terminal: Talk) -> None:
    assert terminal.say(commands.Prompt("secret", "m")) == ["command prompt m", Type(b"secret\r")]
    assert "secret" not in str(terminal.bodies)
    assert terminal.say(commands.Interrupt()) == ["command interrupt", Type(b"\x03")]
    assert terminal.session.turn is None
    assert terminal.session.wake_at is None


def test_a_resize_is_done_and_told_with_its_offset(terminal: Talk) -> None:
    assert terminal.say(commands.Resize(30, 90), offset=512) == ["command resize", SetSize(30, 90), "resized 30 90 512"]
    assert (terminal.session.rows, terminal.session.columns) == (30, 90)
    assert terminal.bodies[-1]["by"] == ANA


def test_a_signal_a_name_and_a_lease_are_recorded(terminal: Talk) -> None:
    assert terminal.say(commands.Signal("INT")) == ["command signal", SendSignal("INT")]
    assert terminal.say(commands.Rename("new name")) == ["command rename", "renamed new name"]
    assert terminal.say(commands.TakeLease("l1")) == ["command take_lease l1"]
    assert terminal.say(commands.ReleaseLease()) == ["command release_lease"]


def test_a_terminal_that_is_suspended_says_that_its_program_ends(terminal: Talk) -> None:
    happened = terminal.say(commands.Suspend())
    assert happened == [
        "command suspend",
        "notice info Suspending ends the program of a terminal session; its working tree stays as it is.",
        "process stopping suspended",
        EndAgent(),
    ]
    assert terminal.heard(terminal.session.ended(None, "SIGHUP", 9, forced=True)) == [
        "process suspended SIGHUP suspended 9"
    ]
    assert terminal.session.state is State.SUSPENDED


def test_an_echo_session_is_suspended_without_such_words(echo: Talk) -> None:
    assert echo.say(commands.Suspend()) == ["command suspend", "process stopping suspended", EndAgent()]


def test_stop_counts_more_than_suspend_and_is_done_once(terminal: Talk) -> None:
    terminal.say(commands.Suspend())
    assert terminal.say(commands.Stop()) == ["command stop"]
    assert terminal.refused(commands.Suspend()) == "not_running"
    assert terminal.refused(commands.Prompt("hi")) == "not_running"
    assert terminal.say(commands.Signal("KILL")) == ["command signal", SendSignal("KILL")]
    assert terminal.heard(terminal.session.ended(None, "SIGKILL", 0, forced=False))[-1] == (
        "process exited SIGKILL stopped 0"
    )


def test_an_agent_that_had_to_be_killed_says_so(terminal: Talk) -> None:
    terminal.say(commands.Stop())
    assert terminal.heard(terminal.session.ended(None, "SIGKILL", 0, forced=True)) == [
        "process exited SIGKILL killed 0"
    ]


def test_nothing_is_taken_after_the_end(terminal: Talk) -> None:
    terminal.heard(terminal.session.ended(0, None, 0, forced=False))
    assert terminal.session.exit is not None
    for command in (commands.Stop(), commands.Prompt("hi"), commands.Rename("n"), commands.TakeLease()):
        assert terminal.refused(command) == "not_running"


def test_a_failed_exec_names_its_cause_and_ends_the_session() -> None:
    talk = Talk(Session(Terminal(), 24, 80, Past()))
    talk.heard(talk.session.start())
    assert talk.heard(talk.session.launch_failed("no such program")) == ["process exited launch_failed no such program"]
    assert talk.session.state is State.EXITED


def test_a_stop_that_comes_before_the_exec_is_kept() -> None:
    talk = Talk(Session(Terminal(), 24, 80, Past()))
    talk.heard(talk.session.start())
    assert talk.say(commands.Stop())[-1] == EndAgent()
    assert talk.heard(talk.session.started(4711, 0.0, 0)) == []
    assert talk.heard(talk.session.ended(None, "SIGHUP", 0, forced=False)) == ["process exited SIGHUP stopped 0"]


def test_a_notice_is_an_event_like_any_other(terminal: Talk) -> None:
    assert terminal.heard(terminal.session.tell("warning", "look out")) == ["notice warning look out"]


def test_an_update_that_is_too_large_goes_with_its_blob(echo: Talk) -> None:
    text = "x" * (MAX_UPDATE + 1)
    _, effects = echo.session.command(Order(commands.Prompt(text, "m"), None, "person", "made"), 0.0, 0)
    records = [effect for effect in effects if isinstance(effect, WriteEvent)]
    assert [record.blob is not None for record in records] == [False, False, False, True, True, False, False]
    assert all(len(record.body) < MAX_UPDATE + 400 for record in records)
