"""Terminal answers: told apart from keys, whole or cut, alone or mixed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.terminalanswers import MAX_OPEN, Sieve

ANSWERS = {
    "device attributes": b"\x1b[?1;2c",
    "device attributes without a mark": b"\x1b[1;2c",
    "secondary device attributes": b"\x1b[>41;380;0c",
    "tertiary device attributes": b"\x1bP!|00000000\x1b\\",
    "status": b"\x1b[0n",
    "colour scheme": b"\x1b[?997;1n",
    "cursor position": b"\x1b[24;80R",
    "extended cursor position": b"\x1b[?24;80;1R",
    "focus in": b"\x1b[I",
    "focus out": b"\x1b[O",
    "foreground": b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\",
    "background, closed by a bell": b"\x1b]11;rgb:0000/0000/0000\x07",
    "a palette entry": b"\x1b]4;1;rgb:cdcd/0000/0000\x1b\\",
    "clipboard": b"\x1b]52;c;aGVsbG8=\x1b\\",
    "title": b"\x1b]lvim\x1b\\",
    "mode": b"\x1b[?2026;2$y",
    "ansi mode": b"\x1b[4;2$y",
    "version": b"\x1bP>|xterm.js(6.0.0)\x1b\\",
    "setting": b"\x1bP1$r0m\x1b\\",
    "termcap": b"\x1bP1+r544e=787465726d\x1b\\",
    "keyboard flags": b"\x1b[?5u",
    "graphics": b"\x1b_Gi=31;OK\x1b\\",
    "text area": b"\x1b[8;24;80t",
    "in-band size": b"\x1b[48;24;80;600;800t",
    "parameters": b"\x1b[2;1;1;128;128;1;0x",
    "sixel geometry": b"\x1b[?2;0;800;600S",
}
KEYS = [
    b"a",
    b"\r",
    b"\x1b",
    b"\x1b[A",
    b"\x1bOP",
    b"\x1b[15;5~",
    b"\x1b[1;5C",
    b"\x1b[97;5u",
    b"\x1b[<0;10;10M",
    b"\x1b[M !!",
    b"\x1b[Z",
    b"\x1bP",
    b"\x1b]",
    b"\x1b_",
    b"\x1b[200~echo hello\x1b[201~",
    "grüße".encode(),
    b"\x03",
]


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_is_known(answer: bytes) -> None:
    assert Sieve().sort(answer) == [(True, answer)]


def test_only_what_has_an_escape_or_follows_a_cut_answer_needs_to_be_sorted() -> None:
    sieve = Sieve()
    assert not sieve.has_answers(b"ls")
    assert sieve.has_answers(b"\x1b[A")
    sieve.sort(b"\x1b]52;c;")
    assert sieve.has_answers(b"ls")


@pytest.mark.parametrize("keys", KEYS)
def test_keys_are_keys(keys: bytes) -> None:
    assert Sieve().sort(keys) == [(False, keys)]


def test_a_mixed_frame_is_split_in_order() -> None:
    frame = b"ls" + ANSWERS["cursor position"] + ANSWERS["focus in"] + b"\r"
    assert Sieve().sort(frame) == [(False, b"ls"), (True, b"\x1b[24;80R"), (True, b"\x1b[I"), (False, b"\r")]


@pytest.mark.parametrize("name", ["background, closed by a bell", "version", "clipboard"])
def test_a_string_that_is_cut_anywhere_behind_its_beginning_is_followed_to_its_end(name: str) -> None:
    answer = ANSWERS[name]
    for at in range(3, len(answer)):
        sieve = Sieve()
        sorted_ = sieve.sort(b"a" + answer[:at]) + sieve.sort(answer[at:] + b"b")
        assert b"".join(piece for is_answer, piece in sorted_ if is_answer) == answer
        assert [piece for is_answer, piece in sorted_ if not is_answer] == [b"a", b"b"]


def test_a_private_sequence_that_is_cut_is_followed_to_its_end() -> None:
    sieve = Sieve()
    assert sieve.sort(b"\x1b[?1;") == [(True, b"\x1b[?1;")]
    assert sieve.sort(b"2") == [(True, b"2")]
    assert sieve.sort(b"cls") == [(True, b"c"), (False, b"ls")]


def test_an_answer_in_three_frames_is_one() -> None:
    sieve = Sieve()
    assert sieve.sort(b"\x1b]52;c;aaaa") == [(True, b"\x1b]52;c;aaaa")]
    assert sieve.sort(b"bbbb") == [(True, b"bbbb")]
    assert sieve.sort(b"cc\x07") == [(True, b"cc\x07")]
    assert sieve.sort(b"d") == [(False, b"d")]


def test_another_sequence_ends_an_open_answer() -> None:
    sieve = Sieve()
    sieve.sort(b"\x1b]52;c;aaaa")
    assert sieve.sort(b"\x1b[A") == [(False, b"\x1b[A")]
    sieve.sort(b"\x1b[?1")
    assert sieve.sort(b"\r") == [(False, b"\r")]
    sieve.sort(b"\x1b]52;c;aaaa\x1b")
    assert sieve.sort(b"x") == [(False, b"x")]


def test_an_answer_that_never_ends_is_given_up() -> None:
    sieve = Sieve()
    sieve.sort(b"\x1b]52;c;")
    assert sieve.sort(b"x" * MAX_OPEN) == [(False, b"x" * MAX_OPEN)]
    assert sieve.sort(b"y") == [(False, b"y")]


pieces = st.sampled_from([*KEYS, *ANSWERS.values(), b"\x1b]11;", b"\x1b[?", b"\x1b\\", b"\x07"]) | st.binary(max_size=8)


@given(st.lists(st.lists(pieces, min_size=1, max_size=4).map(b"".join), max_size=6))
def test_nothing_is_lost_doubled_or_moved(frames: list[bytes]) -> None:
    sieve = Sieve()
    for frame in frames:
        assert b"".join(piece for _, piece in sieve.sort(frame)) == frame
