"""What a session prints cannot reach for the clipboard, the title or the files of whoever looks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.cli.outputfilter import (
    CATEGORIES,
    CLIPBOARD,
    DEVICE_CONTROL,
    FILE_TRANSFER,
    MAX_HELD,
    TITLE_REPORT,
    Filter,
)

# (what is printed, what of it is left, the category that would let it pass)
KEPT_AWAY = [
    (b"a\x1b]52;c;aGk=\x07b", b"ab", CLIPBOARD),
    (b"a\x1b]52;c;?\x1b\\b", b"a\x1b\\b", CLIPBOARD),
    (b"a\x1b]052;c;aGk=\x07b", b"ab", CLIPBOARD),
    (b"a\x1b\x00]5\x002;c;aGk=\x07b", b"ab", CLIPBOARD),
    (b"a\xc2\x9d52;c;aGk=\xc2\x9cb", b"ab", CLIPBOARD),
    (b"a\x9d52;c;aGk=\x07b", b"ab", CLIPBOARD),
    (b"a\x1b]5522;type=read;\x07b", b"ab", CLIPBOARD),
    (b"a\x1b]1337;Copy=:aGk=\x07b", b"ab", CLIPBOARD),
    (b"a\x1b]1337;EndCopy\x07b", b"ab", CLIPBOARD),
    (b"a\x1b[21tb", b"ab", TITLE_REPORT),
    (b"a\x1b[20;tb", b"ab", TITLE_REPORT),
    (b"a\x1b[2\x071tb", b"ab", TITLE_REPORT),
    (b"a\xc2\x9b021tb", b"ab", TITLE_REPORT),
    (b"a\x1b]1337;File=name=eA==:aGk=\x07b", b"ab", FILE_TRANSFER),
    (b"a\x1b]1337;MultipartFile=inline=1\x07b", b"ab", FILE_TRANSFER),
    (b"a\x1b]1337;RequestUpload=format=tgz\x07b", b"ab", FILE_TRANSFER),
    (b"a\x1b]5113;ac=send\x1b\\b", b"a\x1b\\b", FILE_TRANSFER),
    (b"a\x1b_Ga=T,f=100,t=f;L2V0Yy9wYXNzd2Q=\x1b\\b", b"a\x1b\\b", FILE_TRANSFER),
    (b"a\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\b", b"a\x1b\x1b\\b", CLIPBOARD),
    (b"a\x1bP@kitty-cmd{}\x1b\\b", b"a\x1b\\b", DEVICE_CONTROL),
    (b"a\x1bP\x07b", b"ab", DEVICE_CONTROL),
    (b"a\x1b^secret\x1b\\b", b"a\x1b\\b", DEVICE_CONTROL),
    (b"a\x1bXsecret\x1b\\b", b"a\x1b\\b", DEVICE_CONTROL),
    (b"a\x1b_tab;x\x1b\\b", b"a\x1b\\b", DEVICE_CONTROL),
]

LET_THROUGH = [
    b"plain \x1b[1;31mred\x1b[0m text\r\n",
    "日本語 ✜ é\n".encode(),
    b"\x1b]0;a title\x07",
    b"\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\",
    b"\x1b]10;?\x07",
    b"\x1b]1337;CurrentDir=/tmp\x07",
    b"\x1b]1337;X\x07",
    b"\x1bP0;1;0q#0;2;0;0;0-\x1b\\",
    b"\x1bP$qm\x1b\\",
    b"\x1bP+q544e\x1b\\",
    b"\x1bP=1s\x1b\\",
    b"\x1b_Ga=T,f=100;aGk=\x1b\\",
    b"\x1b_Ga=q\x1b\\",
    b"\x1b[18t\x1b[22;2t\x1b[8;24;80t",
    b"\x1b[?1049h\x1b[?25l\x1b[2J\x1b(B\x1b7\x1b8\x1b=",
]


@pytest.mark.parametrize(("printed", "left", "category"), KEPT_AWAY)
def test_what_reaches_for_the_terminal_is_taken_out(printed: bytes, left: bytes, category: str) -> None:
    assert Filter().feed(printed) == left


@pytest.mark.parametrize(("printed", "left", "category"), KEPT_AWAY)
def test_it_is_taken_out_however_it_is_cut(printed: bytes, left: bytes, category: str) -> None:
    for at in range(1, len(printed)):
        filter = Filter()
        assert filter.feed(printed[:at]) + filter.feed(printed[at:]) == left, at
    filter = Filter()
    assert b"".join(filter.feed(bytes((octet,))) for octet in printed) == left


@pytest.mark.parametrize(("printed", "left", "category"), KEPT_AWAY)
def test_what_is_allowed_passes_as_it_is(printed: bytes, left: bytes, category: str) -> None:
    assert Filter(frozenset(CATEGORIES)).feed(printed) == printed


def test_leave_for_one_thing_is_no_leave_for_another() -> None:
    assert Filter(frozenset({CLIPBOARD})).feed(b"\x1b]52;c;x\x07\x1b[21t") == b"\x1b]52;c;x\x07"


@pytest.mark.parametrize("printed", LET_THROUGH)
def test_drawing_is_left_alone_however_it_is_cut(printed: bytes) -> None:
    assert Filter().feed(printed) == printed
    for at in range(1, len(printed)):
        filter = Filter()
        assert filter.feed(printed[:at]) + filter.feed(printed[at:]) == printed, at


def test_a_tmux_passthrough_hides_nothing() -> None:
    assert b"52;" not in Filter(frozenset({DEVICE_CONTROL})).feed(b"\x1bPtmux;\x1b\x1b]52;c;x\x07\x1b\\")


def test_a_string_that_never_ends_takes_nothing_behind_the_next_escape() -> None:
    assert Filter().feed(b"\x1b]52;c;never\x1b[31mred") == b"\x1b[31mred"
    assert Filter().feed(b"\x1b]52;c;never\x18text") == b"text"


def test_a_beginning_that_never_says_what_it_is_is_not_kept_for_ever() -> None:
    filter = Filter()
    left = filter.feed(b"\x1b[" + b"1" * (2 * MAX_HELD)) + filter.feed(b"text")
    assert left == b"text"
    assert Filter().feed(b"\x1b]" + b"1" * (2 * MAX_HELD) + b"\x07!").endswith(b"!")
    assert Filter().feed(b"\x1b_G" + b"k" * (2 * MAX_HELD)).startswith(b"\x1b_G")


def test_a_character_that_is_cut_is_no_control() -> None:
    filter = Filter()
    assert filter.feed(b"\xe2\x9c") + filter.feed(b"\x9d52;not an order") == b"\xe2\x9c\x9d52;not an order"


def test_many_sequences_cost_no_more_than_their_length() -> None:
    filter = Filter()
    assert len(filter.feed(("é" + "\x1b]0;x\x07y" * 20_000).encode())) == 140_002


@given(st.binary(max_size=200), st.integers(0, 200))
def test_cutting_changes_nothing(printed: bytes, at: int) -> None:
    whole, halves = Filter(), Filter()
    # A sentinel flushes what is held.
    end = b"\x18\x1b[m."
    expected = whole.feed(printed + end)
    assert halves.feed(printed[:at]) + halves.feed(printed[at:] + end) == expected


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=100))
def test_text_of_any_script_is_left_alone(text: str) -> None:
    assert Filter().feed(text.encode()) == text.encode()
