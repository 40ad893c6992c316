"""Tokens are good for their time, tickets for one use."""

from __future__ import annotations

from supervisor.identity.bearers import Bearer, Bearers


def test_a_token_is_good_until_its_time_is_up() -> None:
    tokens = Bearers(600.0, 4)
    value = tokens.give("device_a", 0.0)
    assert tokens.find(value, 599.9) == tokens.find(value, 0.0) == Bearer("device_a", 600.0)
    assert tokens.find(value, 600.0) is None
    assert tokens.find(value + "x", 0.0) is None
    assert tokens.find("\udcff", 0.0) is None


def test_a_ticket_is_good_once() -> None:
    tickets = Bearers(30.0, 4)
    value = tickets.give("device_a", 0.0, "session_a", "https://box.example")
    assert tickets.use(value, 29.9) == Bearer("device_a", 30.0, "session_a", "https://box.example")
    assert tickets.use(value, 29.9) is None
    late = tickets.give("device_a", 0.0)
    assert tickets.use(late, 30.0) is None
    assert tickets.use(late, 0.0) is None


def test_each_has_256_bits_and_is_kept_as_a_hash_only() -> None:
    tokens = Bearers(600.0, 4)
    values = {tokens.give("device_a", 0.0) for _ in range(4)}
    assert {len(value) for value in values} == {43}
    assert not any(value in repr(vars(tokens)) for value in values)


def test_one_device_has_so_many_and_its_oldest_goes_first() -> None:
    tokens = Bearers(600.0, 2)
    other = tokens.give("device_b", 0.0)
    first, second, third = (tokens.give("device_a", now) for now in (1.0, 2.0, 3.0))
    assert tokens.find(first, 3.0) is None
    assert tokens.find(second, 3.0) and tokens.find(third, 3.0) and tokens.find(other, 3.0)


def test_those_whose_time_is_up_take_no_room() -> None:
    tokens = Bearers(600.0, 2)
    for now in range(0, 6000, 300):
        tokens.give("device_a", float(now))
        tokens.give(f"device_{now}", float(now))
    assert repr(vars(tokens)).count("Bearer(") <= 6
    assert "device_5100" not in repr(vars(tokens)) and "device_5400" in repr(vars(tokens))


def test_all_of_one_device_can_be_made_void() -> None:
    tokens = Bearers(600.0, 2)
    mine, other = tokens.give("device_a", 0.0), tokens.give("device_b", 0.0)
    tokens.forget("device_a")
    assert tokens.find(mine, 0.0) is None
    assert tokens.find(other, 0.0) is not None
    tokens.forget("device_c")
    assert tokens.use(other, 0.0) is not None
    assert "device_" not in repr(vars(tokens))


def test_one_that_is_used_makes_room_for_another() -> None:
    tickets = Bearers(30.0, 2)
    kept, used = tickets.give("device_a", 0.0), tickets.give("device_a", 0.0)
    tickets.use(used, 0.0)
    newest = tickets.give("device_a", 0.0)
    assert tickets.find(kept, 0.0) and tickets.find(newest, 0.0)
