from __future__ import annotations

from workers.adapters.terminal import Terminal
from workers.core.agent import Shape, Type


def test_a_prompt_is_typed_with_a_carriage_return() -> None:
    assert Terminal().prompt("größer", 0.0) == [Type("größer\r".encode())]


def test_an_interrupt_is_ctrl_c() -> None:
    assert Terminal().interrupt() == [Type(b"\x03")]


def test_a_terminal_has_no_time_of_its_own() -> None:
    assert Terminal().wake_at is None
    assert Terminal().tick(1e9) == []
    assert Terminal().shape is Shape.TERMINAL
