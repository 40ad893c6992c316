"""Commands that wait for a remote worker."""

from __future__ import annotations

import pytest

from supervisor.core.waitingcommands import MOST, Forget, Keep, Kept, Waiting
from workers.core.session import QUEUE_OCTETS
from workers.errors import Refused


def prompt(number: int, text: str = "x") -> Kept:
    return Kept(number, {"kind": "prompt", "text": text}, "person", {"person": "owner"}, f"m{number}")


def test_they_are_found_by_number_and_message_until_they_are_forgotten() -> None:
    waiting, first, second = Waiting(), prompt(3), Kept(4, {"kind": "interrupt"}, "rc", None)
    assert waiting.add(first) == Keep(first) and waiting.add(second) == Keep(second)
    assert [*waiting] == [first, second] and waiting.find(4) == second and waiting.prompt("m3") == first
    assert waiting.of_kind("interrupt") == [second] and waiting.prompt("m4") is None
    assert waiting.forget(first) == Forget(3)
    assert [*waiting] == [second] and waiting.find(3) is None


def test_one_comes_back_from_its_file_as_it_was() -> None:
    assert Kept.from_json(prompt(3, "ü").to_json()) == prompt(3, "ü")
    for text in ("", "[]", "{}", '{"number":1}'):
        with pytest.raises((ValueError, TypeError)):
            Kept.from_json(text)


def test_no_more_wait_than_there_is_room_for() -> None:
    waiting = Waiting()
    waiting.add(prompt(1, "x" * (QUEUE_OCTETS // 2)))
    waiting.check_room(None)
    waiting.check_room("x")
    with pytest.raises(Refused, match="too many prompts") as caught:
        waiting.check_room("x" * (QUEUE_OCTETS // 2))
    assert caught.value.code == "rate_limited"
    for number in range(2, MOST + 1):
        waiting.add(Kept(number, {"kind": "interrupt"}, "rc", None))
    with pytest.raises(Refused, match="too many commands"):
        waiting.check_room(None)


def test_a_repr_leaves_out_what_somebody_typed() -> None:
    assert "'m3'" in repr(prompt(3, "private")) and "private" not in repr(prompt(3, "private"))
