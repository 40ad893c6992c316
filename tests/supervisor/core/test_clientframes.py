"""Keys off the front of a WebSocket's octets; the library gets the rest untouched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.clientframes import MAX_MESSAGE, SMALL, ClientFrames

MASK = b"\x0a\xb0\x0c\xd0"


def frame(first: int, payload: bytes, mask: bytes | None = MASK) -> bytes:
    """A frame as a client sends it; `first` is its first octet."""
    marked = 0x80 if mask else 0
    if len(payload) < 126:
        head = bytes((first, marked | len(payload)))
    elif len(payload) < 1 << 16:
        head = bytes((first, marked | 126)) + len(payload).to_bytes(2, "big")
    else:
        head = bytes((first, marked | 127)) + len(payload).to_bytes(8, "big")
    if mask is None:
        return head + payload
    return head + mask + bytes(octet ^ mask[n % 4] for n, octet in enumerate(payload))


def keys(data: bytes) -> bytes:
    return frame(0x82, b"\x01" + data)


def test_a_key_is_taken_and_nothing_is_left() -> None:
    frames = ClientFrames()
    assert frames.feed(keys(b"a"), True) == ([b"a"], b"")
    assert frames.feed(keys(b"b") + keys(b"c" * 100), True) == ([b"b", b"c" * 100], b"")
    assert frames.passed == 0


def test_keys_are_left_to_the_library_while_it_is_not_done() -> None:
    frames = ClientFrames()
    assert frames.feed(keys(b"a"), False) == ([], keys(b"a"))
    assert frames.passed == 1


def test_what_comes_behind_a_message_is_left_with_it() -> None:
    frames, text = ClientFrames(), frame(0x81, b"{}")
    assert frames.feed(keys(b"a") + text + keys(b"b"), True) == ([b"a"], text + keys(b"b"))
    assert frames.passed == 2
    assert frames.feed(keys(b"c"), True) == ([b"c"], b"")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 70_000])
def test_after_a_message_of_any_size_keys_are_taken_again(size: int) -> None:
    frames, text = ClientFrames(), frame(0x81, b"x" * size)
    for at in range(0, len(text), 1000):
        assert frames.feed(text[at : at + 1000], True) == ([], text[at : at + 1000])
    assert frames.passed == 1
    assert frames.feed(keys(b"a"), True) == ([b"a"], b"")


def test_a_frame_that_comes_in_pieces_is_left_to_the_library() -> None:
    for size in (1, SMALL, 70_000):
        whole = frame(0x82, b"\x01" + b"k" * size)
        for cut in range(1, min(16, len(whole))):
            frames = ClientFrames()
            assert frames.feed(whole[:cut], True) == ([], whole[:cut])
            assert frames.feed(whole[cut:], True) == ([], whole[cut:])
            assert frames.passed == 1
            assert frames.feed(keys(b"a"), True) == ([b"a"], b"")


def test_inside_a_fragmented_message_nothing_is_taken() -> None:
    frames = ClientFrames()
    frames.feed(frame(0x01, b"{"), True)
    assert frames.feed(keys(b"a"), True) == ([], keys(b"a"))
    frames = ClientFrames()
    frames.feed(frame(0x01, b"{") + frame(0x80, b"}"), True)
    assert frames.passed == 1
    assert frames.feed(keys(b"a"), True)[0] == [b"a"]


def test_a_frame_that_is_longer_than_any_message_is_known_by_its_head() -> None:
    frames = ClientFrames()
    frames.feed(b"\x82\xff" + (MAX_MESSAGE).to_bytes(8, "big") + b"mask" + b"x" * MAX_MESSAGE, False)
    assert not frames.is_too_big
    frames.feed(b"\x82\xff" + (MAX_MESSAGE + 1).to_bytes(8, "big") + b"mas", False)
    assert not frames.is_too_big, "its head is not whole"
    frames.feed(b"k", False)
    assert frames.is_too_big


def test_pings_and_pongs_change_nothing() -> None:
    frames = ClientFrames()
    frames.feed(frame(0x89, b"hello") + frame(0x8A, b""), True)
    assert frames.passed == 0
    assert frames.feed(keys(b"a"), True)[0] == [b"a"]


@pytest.mark.parametrize("last", [frame(0x88, b"\x03\xe8"), frame(0xC2, b"\x01a"), frame(0x83, b"x")])
def test_after_a_close_or_nonsense_the_library_has_the_last_word(last: bytes) -> None:
    frames = ClientFrames()
    frames.feed(last + keys(b"a"), True)
    assert frames.feed(keys(b"a"), True) == ([], keys(b"a"))


def test_a_frame_that_is_unmasked_or_holds_no_keys_is_the_librarys_to_judge() -> None:
    for odd in (frame(0x82, b"\x01a12345", mask=None), frame(0x82, b""), frame(0x82, b"\x01"), frame(0x82, b"\x02a")):
        assert ClientFrames().feed(odd + keys(b"b"), True) == ([], odd + keys(b"b"))


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1), st.data())
def test_however_the_octets_are_cut_all_keys_arrive_once_and_in_order(typed: list[bytes], data: st.DataObject) -> None:
    line = b"".join(keys(each) for each in typed)
    frames, taken, left, at = ClientFrames(), list[bytes](), b"", 0
    while at < len(line):
        end = data.draw(st.integers(at + 1, len(line)))
        # as the outlet does: nothing is taken while something that was left is not done with
        got, rest = frames.feed(line[at:end], not left)
        taken += got
        left += rest
        at = end
    assert left == b"".join(keys(each) for each in typed[len(taken) :])
    assert taken == typed[: len(taken)]
    assert frames.passed == len(typed) - len(taken)


@given(st.lists(st.binary()))
def test_no_octets_whatever_break_it(reads: list[bytes]) -> None:
    frames = ClientFrames()
    for read in reads:
        _, rest = frames.feed(read, True)
        assert read.endswith(rest)
