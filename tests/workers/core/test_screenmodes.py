from __future__ import annotations

import pytest

from workers.core.screenmodes import SOFT_RESET, Modes


def after(*output: bytes) -> bytes:
    """What puts a reset terminal into the state behind `output`."""
    modes = Modes()
    for data in output:
        modes.scan(data)
    return modes.prefix()


def test_plain_text_leaves_no_state() -> None:
    assert after(b"hello\r\nworld") == b""


@pytest.mark.parametrize(
    ("output", "prefix"),
    [
        (b"\x1b[31m", b"\x1b[31m"),
        (b"\x1b[1;31;44m", b"\x1b[1;31;44m"),
        (b"\x1b[31m\x1b[32m", b"\x1b[32m"),
        (b"\x1b[1;31mx\x1b[m", b""),
        (b"\x1b[1;31mx\x1b[0m\x1b[4m", b"\x1b[4m"),
        (b"\x1b[1;3;31m\x1b[22m", b"\x1b[3;31m"),
        (b"\x1b[31;42m\x1b[39m", b"\x1b[42m"),
        (b"\x1b[38;2;1;2;3;48;5;7m", b"\x1b[38;2;1;2;3;48;5;7m"),
        (b"\x1b[38:2::1:2:3;4:3m", b"\x1b[38:2::1:2:3;4:3m"),
        (b"\x1b[58;5;9m", b"\x1b[58;5;9m"),
        (b"\x1b[95;105m", b"\x1b[95;105m"),
        (b"\x1b[77m", b""),
        (b"\x1b[;31m", b"\x1b[31m"),
    ],
)
def test_colours_are_what_is_in_force(output: bytes, prefix: bytes) -> None:
    assert after(output) == prefix


def test_absurd_sequences_are_not_read() -> None:
    assert after(b"\x1b[" + b"9" * 5000 + b"m" + b"\x1b[?" + b"1;" * 500 + b"h") == b""


@pytest.mark.parametrize(
    ("output", "prefix"),
    [
        (b"\x1b[?2004h", b"\x1b[?2004h"),
        (b"\x1b[?2004h\x1b[?2004l", b""),
        (b"\x1b[?25l", b"\x1b[?25l"),
        (b"\x1b[?7;25h", b""),
        (b"\x1b[?1000h\x1b[?1002h\x1b[?1006h", b"\x1b[?1002h\x1b[?1006h"),
        (b"\x1b[?1000;1006h\x1b[?1000;1006l", b""),
        (b"\x1b[?2026h", b""),
        (b"\x1b[4h", b"\x1b[4h"),
        (b"\x1b[4h\x1b[4l", b""),
        (b"\x1b[20h", b""),
        (b"\x1b=", b"\x1b="),
        (b"\x1b=\x1b>", b""),
        (b"\x1b[5;20r", b"\x1b[5;20r"),
        (b"\x1b[3 q", b"\x1b[3 q"),
    ],
)
def test_modes_are_what_is_in_force(output: bytes, prefix: bytes) -> None:
    assert after(output) == prefix


def test_modes_that_were_saved_come_back() -> None:
    assert after(b"\x1b[?1;25;1000h\x1b[?1;25;1000;777s", b"\x1b[?1;25;1000l", b"\x1b[?1;25;1000;2004r") == (
        b"\x1b[?1h\x1b[?1000h"
    )


def test_the_alternate_screen_has_a_scroll_region_of_its_own() -> None:
    assert after(b"\x1b[2;9r\x1b[?1049h\x1b[5;6r") == b"\x1b[2;9r\x1b[?1049h\x1b[5;6r"
    assert after(b"\x1b[2;9r\x1b[?1049h\x1b[5;6r\x1b[?1049l") == b"\x1b[2;9r"
    assert after(b"\x1b[?1049h\x1b[5;6r\x1b[?1049l\x1b[?1049h") == b"\x1b[?1049h"
    assert after(b"\x1b[?1049h\x1b[5;6r\x1b[?1049h") == b"\x1b[?1049h\x1b[5;6r"


def test_a_resize_takes_the_scroll_regions_away() -> None:
    modes = Modes()
    modes.scan(b"\x1b[2;9r\x1b[1m")
    modes.drop_margins()
    assert modes.prefix() == b"\x1b[1m"


def test_character_sets_and_the_shift_between_them_are_kept() -> None:
    assert after(b"\x1b(0\x1b)A\x0e") == b"\x1b(0\x1b)A\x0e"
    assert after(b"\x1b(0\x0e", b"\x0f\x1b(B") == b""


def test_the_title_is_kept_and_can_be_pushed_and_popped() -> None:
    assert after(b"\x1b]0;one\x07\x1b]2;two\x1b\\") == b"\x1b]2;two\x07"
    assert after(b"\x1b]2;shell\x07", b"\x1b[22;0;0t", b"\x1b[22t\x1b]2;vim\x07", b"\x1b[23t") == b"\x1b]2;shell\x07"
    assert after(b"\x1b]2;shell\x07\x1b[23t") == b"\x1b]2;shell\x07"


def test_keyboard_flags_are_a_stack_for_each_screen() -> None:
    assert after(b"\x1b[>1u\x1b[>5u") == b"\x1b[>1u\x1b[>5u"
    assert after(b"\x1b[>1u\x1b[>5u\x1b[<u") == b"\x1b[>1u"
    assert after(b"\x1b[>1u\x1b[>5u\x1b[<9u") == b""
    assert after(b"\x1b[>u\x1b[=3;1u") == b"\x1b[>3u"
    assert after(b"\x1b[>1u\x1b[?1049h\x1b[>2u") == b"\x1b[>1u\x1b[?1049h\x1b[>2u"
    assert after(b"\x1b[?1049h\x1b[>2u\x1b[?1049l\x1b[?1049h") == b"\x1b[?1049h"


def test_stacks_are_bounded() -> None:
    assert after(b"\x1b[>7u" * 1000) == b"\x1b[>7u" * 16
    assert len(after(b"\x1b[22t\x1b]2;x\x07" * 1000)) < 20


def test_a_full_reset_clears_all_but_the_title() -> None:
    assert after(b"\x1b]2;t\x07\x1b[?1049h\x1b[31m\x1b[?1000h\x1bc\x1b[4m") == b"\x1b]2;t\x07\x1b[4m"


def test_a_soft_reset_leaves_screen_and_mouse() -> None:
    assert after(b"\x1b[?1049h\x1b[?1000h\x1b[31m\x1b[?1h\x1b[5;6r\x1b[!p") == b"\x1b[?1049h\x1b[?1000h"


def test_of_a_soft_reset_and_a_shift_the_later_one_counts() -> None:
    assert after(b"\x1b[!p\x0e") == b"\x0e"
    assert after(b"\x0e\x1b[!p") == b""
    assert after(b"\x0e\x1bc\x1b[!p\x0f\x0e") == b"\x0e"


def test_the_soft_reset_of_a_second_part_also_ends_mouse_and_character_sets() -> None:
    busy = b"\x1b[31m\x1b[?1002h\x1b[?1006h\x1b(0\x0e\x1b[4h\x1b=\x1b[?25l"
    assert after(busy, SOFT_RESET) == b""


def test_a_state_has_one_spelling_however_it_came_about() -> None:
    assert after(b"\x1b[?25l\x1b[?1h") == after(b"\x1b[?1h\x1b[?25l")
    assert after(b"\x1b[5;9r\x1b[r") == b""


def test_a_soft_reset_leaves_the_region_of_the_other_screen() -> None:
    assert after(b"\x1b[5;9r\x1b[?1049h\x1b[2;3r\x1b[!p") == b"\x1b[5;9r\x1b[?1049h"


def test_nothing_is_taken_for_a_reset_of_colours_that_is_not_one() -> None:
    assert after(b"\x1b[31m\x1b]2;m\x07\x1b(0\x1b[42m") == b"\x1b]2;m\x07\x1b(0\x1b[31;42m"
