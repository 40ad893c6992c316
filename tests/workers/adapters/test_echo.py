from __future__ import annotations

import pytest

from workers.adapters.echo import STEP_OCTETS, Echo
from workers.core.agent import Die, EndTurn, Say, Shape
from workers.core.events import agent_text


def test_it_answers_with_the_same_text() -> None:
    echo = Echo()
    assert echo.shape is Shape.INSIDE
    assert echo.prompt("hello\n you", 0.0) == [Say(agent_text("hello\n you")), EndTurn("end_turn")]


def test_wait_keeps_the_turn_running_for_so_many_seconds() -> None:
    echo = Echo()
    assert echo.prompt("wait 1.5", 100.0) == []
    assert echo.wake_at == 101.5
    assert echo.tick(101.4) == []
    assert echo.tick(101.5) == [Say(agent_text("waited 1.5")), EndTurn("end_turn")]
    assert echo.wake_at is None
    assert echo.tick(200.0) == []


def test_an_interrupt_ends_the_turn_at_once() -> None:
    echo = Echo()
    echo.prompt("wait 60", 0.0)
    assert echo.interrupt() == [EndTurn("cancelled")]
    assert echo.wake_at is None


def test_repeat_says_it_so_many_times() -> None:
    echo = Echo()
    assert echo.prompt("repeat 3 a b", 7.0) == []
    assert echo.wake_at == 7.0
    assert echo.tick(7.0) == [*[Say(agent_text("a b"))] * 3, EndTurn("end_turn")]
    assert echo.wake_at is None


@pytest.mark.parametrize("text", ["x", "x" * 5000, "ü" * STEP_OCTETS])
def test_much_that_is_repeated_goes_out_in_small_steps(text: str) -> None:
    echo = Echo()
    echo.prompt(f"repeat 10000 {text}", 0.0)
    said, most = 0, max(1, STEP_OCTETS // len(text.encode()))
    while echo.wake_at is not None:
        *chunks, last = echo.tick(0.0)
        assert len(chunks) <= most
        assert all(chunk == Say(agent_text(text)) for chunk in chunks[:1])
        said += len(chunks) + isinstance(last, Say)
    assert (said, last) == (10_000, EndTurn("end_turn"))


def test_an_interrupt_ends_what_is_repeated() -> None:
    echo = Echo()
    echo.prompt("repeat 10000 x", 0.0)
    echo.tick(0.0)
    assert echo.interrupt() == [EndTurn("cancelled")]
    assert echo.tick(0.0) == []


def test_die_ends_the_agent_in_the_middle_of_its_turn() -> None:
    assert Echo().prompt(" die 3 ", 0.0) == [Die(3)]


@pytest.mark.parametrize(
    "text", ["wait", "wait x", "wait 86401", "repeat 3", "repeat 10001 x", "die 256", "die", "ask"]
)
def test_what_does_not_fit_a_form_is_echoed(text: str) -> None:
    assert Echo().prompt(text, 0.0) == [Say(agent_text(text)), EndTurn("end_turn")]
