from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.core import journal
from workers.core.journal import HEAD, MARK, Damage, Record, RecordKind

PAYLOADS = st.lists(st.binary(max_size=60) | st.just(MARK * 9), min_size=1, max_size=8)


def segment(payloads: list[bytes], first: int = 1, position: int = 0) -> bytes:
    """A segment of events, numbered from `first`, whose first record stands at `position`."""
    data = b""
    for number, payload in enumerate(payloads, first):
        data += journal.encode_head(first, position + len(data), RecordKind.EVENT, number, 7, payload) + payload
    return data


def told(records: list[Record]) -> dict[int, bytes]:
    return {record.number: record.payload for record in records}


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_a_record_says_where_it_stands_and_what_it_holds() -> None:
    data = segment([b"one", b"two"], first=40)
    found = journal.scan(40, 0, data, final=True)
    assert found.records[1] == Record(HEAD.size + 3, len(data), RecordKind.EVENT, 41, 7, b"two")
    assert found.stop == len(data)


@settings(max_examples=50)
@given(PAYLOADS, st.data())
def test_whatever_is_cut_off_the_records_before_it_stay(payloads: list[bytes], data: st.DataObject) -> None:
    whole = segment(payloads)
    size = data.draw(st.integers(0, len(whole)))
    found = journal.scan(1, 0, whole[:size], final=True)
    assert told(found.records).items() <= dict(enumerate(payloads, 1)).items()
    ends = [0, *(record.end for record in found.records)]
    assert found.stop == ends[-1]
    # Nothing whole was passed over: the next record would reach beyond the cut.
    assert len(found.records) == len(payloads) or len(segment(payloads[: len(ends)])) > size


@settings(max_examples=50)
@given(PAYLOADS, st.data())
def test_a_flipped_bit_costs_one_record_and_shows(payloads: list[bytes], data: st.DataObject) -> None:
    whole = segment(payloads)
    broken = flipped(whole, data.draw(st.integers(0, len(whole) * 8 - 1)))
    found = journal.scan(1, 0, broken, final=True)
    numbers = told(found.records)
    assert numbers.items() <= dict(enumerate(payloads, 1)).items()
    missing = set(range(1, len(payloads) + 1)) - set(numbers)
    assert len(missing) == 1
    if missing == {len(payloads)}:
        # Nothing follows that shows it, so the octets themselves have to.
        assert found.stop == len(whole)
    assert found.next_seq(1) == len(payloads) + 1


@pytest.mark.parametrize("octet", [2, HEAD.size])
def test_output_that_is_damaged_keeps_its_place(octet: int) -> None:
    data = journal.encode_head(500, 0, RecordKind.OUTPUT, 500, 7, b"abcde") + b"abcde"
    found = journal.scan(500, 0, flipped(data, 8 * octet), final=True)
    assert (found.records, found.next_offset(500)) == ([], 505)
    found = journal.scan(500, 0, data, final=True)
    assert found.next_offset(500) == 505


def test_of_several_damaged_records_the_last_sound_head_counts() -> None:
    data = flipped(segment([b"one", b"two"]), 8 * HEAD.size)
    assert journal.scan(1, 0, flipped(data, 8 * (2 * HEAD.size + 3)), final=True).next_seq(1) == 3


def test_a_stretch_without_anything_uses_no_number() -> None:
    found = journal.scan(9, 0, b"", final=True)
    assert (found.next_seq(9), found.next_offset(9)) == (9, 9)


def test_a_damaged_length_swallows_nothing() -> None:
    data = segment([b"a" * 50, b"b", b"c"])
    found = journal.scan(1, 0, flipped(data, 4 * 8 + 7), final=True)
    assert told(found.records) == {2: b"b", 3: b"c"}


def test_a_record_printed_by_a_program_is_not_taken_for_one() -> None:
    stolen = segment([b"forged"])
    data = segment([b"before " + stolen, b"after"])
    found = journal.scan(1, 0, flipped(data, 8 * HEAD.size), final=True)
    assert told(found.records) == {2: b"after"}


def test_a_record_of_another_segment_is_not_taken_for_one() -> None:
    assert journal.scan(2, 0, segment([b"x"], first=1), final=True).records == []


def test_what_a_failed_cut_left_in_the_middle_is_passed_over() -> None:
    torn = segment([b"z" * 500])[:100]
    data = torn + segment([b"again", b"next"], position=len(torn))
    found = journal.scan(1, 0, data, final=True)
    assert told(found.records) == {1: b"again", 2: b"next"}


def test_zeros_at_the_end_are_what_a_power_cut_leaves_and_no_record() -> None:
    data = segment([b"one"])
    assert journal.scan(1, 0, data + bytes(4096), final=True).stop == len(data)


def test_a_look_that_ends_inside_of_a_record_goes_on_there() -> None:
    data = segment([b"one", b"two" * 20, b"three"])
    second = HEAD.size + 3
    found = journal.scan(1, 0, data[: second + 50], final=False)
    assert (len(found.records), found.stop) == (1, second)
    found = journal.scan(1, second, data[second:], final=True)
    assert told(found.records) == {2: b"two" * 20, 3: b"three"}


def test_a_look_that_ends_inside_of_a_head_goes_on_before_it() -> None:
    data = b"?" * 100 + segment([b"one"], position=100)
    found = journal.scan(1, 0, data[:110], final=False)
    assert found.records == []
    assert found.stop <= 100
    assert told(journal.scan(1, found.stop, data[found.stop :], final=True).records) == {1: b"one"}


def test_a_place_is_found_from_the_middle_of_a_record() -> None:
    data = segment([b"one", b"two", b"three"])
    assert journal.find_number(1, 5, data[5:]) == (HEAD.size + 3, 2)
    assert journal.find_number(1, len(data) - 3, data[-3:]) is None


def test_damage_is_put_into_words() -> None:
    hole, torn = Damage(4, 9, "damaged records"), Damage(10, 9, "an unfinished record of 7 octets was cut off")
    assert hole.text("events") == "The session's journal has lost events 4 to 9: damaged records."
    assert torn.text("events") == "In the session's journal of events, an unfinished record of 7 octets was cut off."
    assert (hole.is_torn_end, torn.is_torn_end) == (False, True)
