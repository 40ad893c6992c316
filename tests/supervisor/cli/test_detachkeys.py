"""Ctrl-] and a letter are for `rc attach`; everything else is for the program."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.cli.detachkeys import DetachKeys, Typed


def test_what_is_typed_goes_to_the_program() -> None:
    assert DetachKeys().feed(b"ls\r") == [Typed(b"ls\r")]


def test_ctrl_bracket_d_leaves() -> None:
    assert DetachKeys().feed(b"\x1dd") == [Typed(b"", "d")]


def test_ctrl_bracket_t_takes_the_lease() -> None:
    assert DetachKeys().feed(b"\x1dt") == [Typed(b"", "t")]


def test_what_follows_the_lease_goes_to_the_program() -> None:
    assert DetachKeys().feed(b"a\x1dtb\x1dd") == [Typed(b"a", "t"), Typed(b"b", "d")]


def test_the_two_keys_may_come_one_by_one() -> None:
    keys = DetachKeys()
    assert keys.feed(b"\x1d") == []
    assert keys.feed(b"d") == [Typed(b"", "d")]


def test_what_was_typed_before_still_goes_there_and_what_follows_does_not() -> None:
    assert DetachKeys().feed(b"abc\x1ddrm -rf /\r") == [Typed(b"abc", "d")]


def test_twice_is_once_for_the_program() -> None:
    keys = DetachKeys()
    assert keys.feed(b"\x1d\x1d") == [Typed(b"\x1d")]
    assert keys.feed(b"d") == [Typed(b"d")]


def test_another_key_behind_it_goes_there_with_it() -> None:
    keys = DetachKeys()
    assert keys.feed(b"\x1dx1") == [Typed(b"\x1dx1")]
    assert keys.feed(b"\x1d") == []
    assert keys.feed(b"\r") == [Typed(b"\x1d\r")]


@pytest.mark.parametrize("prefix", [b"\x1b[93;5u", b"\x1b[27;5;93~"])
@pytest.mark.parametrize("letter", [b"d", b"\x1b[100u", b"\x1b[100;1u"])
def test_it_is_known_as_newer_keyboard_protocols_write_it(prefix: bytes, letter: bytes) -> None:
    keys = DetachKeys()
    assert keys.feed(prefix) == []
    assert keys.feed(letter) == [Typed(b"", "d")]


@given(st.lists(st.binary(min_size=1, max_size=8)))
def test_without_the_prefix_nothing_is_lost(pieces: list[bytes]) -> None:
    clean = [piece.replace(b"\x1d", b"").replace(b"\x1b", b"") for piece in pieces]
    keys = DetachKeys()
    assert b"".join(typed.keys for piece in clean for typed in keys.feed(piece)) == b"".join(clean)
