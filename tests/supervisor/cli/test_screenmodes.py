"""A shell finds its terminal as it was before the session used it."""

from __future__ import annotations

from supervisor.cli.screenmodes import RESET, ScreenModes

ALWAYS = b"\x1b7\x1b[r\x1b8\x1b[4l\x1b>\x1b(B\x0f\x1b[0m"


def way_back(*printed: bytes) -> bytes:
    modes = ScreenModes()
    for piece in printed:
        modes.feed(piece)
    return modes.way_back()


def test_text_alone_needs_no_more_than_colours_and_character_sets() -> None:
    assert way_back(b"hello\r\n") == ALWAYS


def test_the_alternate_screen_is_left_before_anything_else() -> None:
    assert way_back(b"\x1b[?25l\x1b[?1049h") == b"\x1b[?1049l\x1b[?25h" + ALWAYS


def test_what_the_program_has_taken_back_itself_is_not_taken_back_again() -> None:
    assert way_back(b"\x1b[?1049h\x1b[?2004h text \x1b[?2004l\x1b[?1049l") == ALWAYS


def test_several_modes_of_one_sequence_are_known() -> None:
    assert way_back(b"\x1b[?1000;1006h\x1b[?7;25l") == b"\x1b[?1000l\x1b[?1006l\x1b[?7h\x1b[?25h" + ALWAYS


def test_a_sequence_that_is_cut_counts() -> None:
    assert way_back(b"\x1b[?20", b"04", b"h more") == b"\x1b[?2004l" + ALWAYS


def test_modes_that_nobody_knows_are_left_alone() -> None:
    assert way_back(b"\x1b[?9999h\x1b[?h") == ALWAYS


def test_newer_keyboard_protocols_are_switched_off() -> None:
    assert way_back(b"\x1b[>1u\x1b[>4;2m") == b"\x1b[=0u\x1b[>4m" + ALWAYS


def test_a_reset_leaves_nothing_to_take_back() -> None:
    assert way_back(b"\x1b[?1049h\x1b[?1000h\x1b[?25l", RESET) == ALWAYS


def test_it_is_known_whose_the_screen_is() -> None:
    modes = ScreenModes()
    assert not modes.alternate
    modes.feed(b"\x1b[?1049h")
    assert modes.alternate
    modes.feed(b"\x1b[?1049l")
    assert not modes.alternate
