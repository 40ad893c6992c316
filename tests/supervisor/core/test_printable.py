"""What other people wrote is shown, never obeyed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.printable import visible, visible_block

ORDERS = [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]


def test_an_escape_sequence_is_shown_and_not_obeyed() -> None:
    assert visible("red \x1b[31m text") == "red \\x1b[31m text"


def test_a_bidirectional_mark_is_shown() -> None:
    assert visible("a\u202eb\u2066c") == "a\\u202eb\\u2066c"


def test_a_line_stays_one_line() -> None:
    assert visible("one\ntwo\ttabs\r") == "one\\ntwo\\ttabs\\r"


def test_a_block_keeps_its_lines_and_tabs() -> None:
    assert visible_block("+\tone\n-\x9btwo\r\n") == "+\tone\n-\\x9btwo\\r\n"


def test_every_control_character_is_shown() -> None:
    for number in ORDERS:
        assert visible(chr(number)).isprintable(), number


def test_an_octet_that_is_not_utf8_can_be_printed() -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert visible(name) == "caf\\udce9"
    assert visible_block(name).encode()


@given(st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs", "M"])))
def test_ordinary_text_of_any_script_is_left_alone(text: str) -> None:
    assert visible(text) == text
