"""Which events a key makes."""

from __future__ import annotations

from tests.keyboard import stroke


def test_a_character_types_itself() -> None:
    down, up = stroke("a")
    assert (down["type"], down["text"], down["code"], up["type"]) == ("keyDown", "a", "KeyA", "keyUp")


def test_a_plus_is_a_key_too() -> None:
    down, _ = stroke("+")
    assert (down["key"], down["text"]) == ("+", "+")


def test_with_control_a_key_types_nothing() -> None:
    down, _ = stroke("Control+c")
    assert (down["type"], down["key"], down["modifiers"], "text" in down) == ("rawKeyDown", "c", 2, False)


def test_a_named_key_has_its_code() -> None:
    down, _ = stroke("Shift+Tab")
    assert (down["code"], down["windowsVirtualKeyCode"], down["modifiers"]) == ("Tab", 9, 8)
