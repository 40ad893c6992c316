"""Slots are counted and taken in one breath."""

from __future__ import annotations

import pytest

from supervisor.core.admission import Slots
from workers.errors import Refused


def test_the_session_after_the_last_slot_is_refused_with_who_holds_them() -> None:
    slots = Slots(2)
    slots.reserve("session_a")
    slots.reserve("session_b")
    with pytest.raises(Refused) as refusal:
        slots.reserve("session_c")
    assert refusal.value.code == "at_capacity"
    assert refusal.value.fields == {"used": 2, "limit": 2, "sessions": ["session_a", "session_b"]}


def test_a_place_given_back_is_free_for_the_next() -> None:
    slots = Slots(1)
    slots.reserve("session_a")
    slots.release("session_a")
    slots.release("session_a")
    slots.reserve("session_b")
    assert slots.used == 1


def test_lowering_the_capacity_ends_nothing_and_refuses_until_enough_have_left() -> None:
    slots = Slots(3)
    for session in ("session_a", "session_b", "session_c"):
        slots.reserve(session)
    slots.change_capacity(1)
    assert (slots.used, slots.capacity) == (3, 1)
    slots.release("session_a")
    slots.release("session_b")
    with pytest.raises(Refused, match="all 1 slots are taken"):
        slots.reserve("session_d")
    slots.release("session_c")
    slots.reserve("session_d")


def test_raising_the_capacity_lets_the_next_one_in() -> None:
    slots = Slots(1)
    slots.reserve("session_a")
    slots.change_capacity(2)
    slots.reserve("session_b")
    assert slots.used == 2


def test_what_is_found_alive_counts_beyond_the_capacity() -> None:
    slots = Slots(1)
    slots.count("session_a")
    slots.count("session_b")
    assert slots.used == 2
    with pytest.raises(Refused):
        slots.reserve("session_c")


@pytest.mark.parametrize("capacity", [0, -1, 1025])
def test_a_capacity_outside_its_range_is_invalid(capacity: int) -> None:
    with pytest.raises(Refused) as refusal:
        Slots(capacity)
    assert refusal.value.code == "invalid"
    slots = Slots(1024)
    with pytest.raises(Refused):
        slots.change_capacity(capacity)
    assert slots.capacity == 1024


def test_session_mode_has_one_place_whatever_was_asked_for() -> None:
    slots = Slots(32, single=True)
    assert slots.capacity == 1
    slots.reserve("session_a")
    with pytest.raises(Refused) as refusal:
        slots.reserve("session_b")
    assert refusal.value.code == "single_session_busy"
    assert "rc attach session_a" in refusal.value.hint


def test_the_capacity_of_session_mode_is_fixed() -> None:
    with pytest.raises(Refused) as refusal:
        Slots(1, single=True).change_capacity(2)
    assert refusal.value.code == "mode_fixed"


def test_reserving_twice_for_one_session_is_a_bug() -> None:
    slots = Slots(2)
    slots.reserve("session_a")
    with pytest.raises(AssertionError):
        slots.reserve("session_a")


def test_each_place_that_is_taken_or_given_back_is_told() -> None:
    told: list[int] = []
    slots = Slots(2, on_change=lambda: told.append(slots.used))
    slots.reserve("session_a")
    slots.count("session_b")
    with pytest.raises(Refused):
        slots.reserve("session_c")
    for session in ("session_a", "session_a", "session_c"):
        slots.release(session)
    assert told == [1, 2, 1]
