from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.journals import flip
from workers.core.journal import HEAD
from workers.journalfile import EventLog, TerminalLog
from workers.journalread import read_events, read_events_before, read_terminal, terminal_bounds
from workers.segments import segments

KEEP = 256 << 10


def write_events(directory: Path, sizes: list[int], keep: int = KEEP) -> None:
    log = EventLog.open(str(directory), keep)
    for seq, size in enumerate(sizes, 1):
        log.append(seq, seq * 10, b"%d" % seq + b"." * size)
    log.close()


def write_output(directory: Path, pieces: list[bytes], keep: int = KEEP) -> None:
    log = TerminalLog.open(str(directory), keep)
    for piece in pieces:
        log.append(log.end, 7, piece)
    log.close()


def numbers(records: list[tuple[int, int, bytes]]) -> list[int]:
    return [seq for seq, _, _ in records]


def damage_event(directory: Path, seq: int, size: int) -> None:
    flip(directory / "events-1.j", (seq - 1) * (HEAD.size + size) + 6)


def test_a_journal_that_was_never_written_is_empty(tmp_path: Path) -> None:
    assert read_events(str(tmp_path), 0).last_seq == 0
    assert read_events_before(str(tmp_path), 100).records == []
    assert terminal_bounds(str(tmp_path)) == (0, 0)
    assert read_terminal(str(tmp_path), 0).data == b""


def test_a_segment_without_a_record_yet_says_where_it_begins(tmp_path: Path) -> None:
    (tmp_path / "events-41.j").touch()
    (tmp_path / "terminal-500.j").touch()
    assert read_events(str(tmp_path), 40).last_seq == 40
    assert terminal_bounds(str(tmp_path)) == (500, 500)


def test_events_are_read_page_by_page_without_gap_or_double(tmp_path: Path) -> None:
    write_events(tmp_path, [(seq * 37) % 900 for seq in range(300)])
    seen: list[int] = []
    while (page := read_events(str(tmp_path), len(seen), limit=70)).records:
        assert page.gap is None
        seen += numbers(page.records)
    assert seen == list(range(1, 301))
    assert page.last_seq == 300
    assert read_events(str(tmp_path), 122, limit=1).records[0][:2] == (123, 1230)


def test_a_page_holds_at_least_one_event_however_large(tmp_path: Path) -> None:
    write_events(tmp_path, [200_000, 200_000, 10])
    assert numbers(read_events(str(tmp_path), 0, max_bytes=1000).records) == [1]
    assert numbers(read_events_before(str(tmp_path), 3, max_bytes=1000).records) == [2]
    assert numbers(read_events(str(tmp_path), 1, max_bytes=300_000).records) == [2, 3]


def test_events_no_longer_kept_are_a_gap(tmp_path: Path) -> None:
    write_events(tmp_path, [10_000] * 100)
    first = segments(str(tmp_path), "events")[0]
    page = read_events(str(tmp_path), 3)
    assert (page.records[0][0], page.gap) == (first, (4, first - 1))
    page = read_events_before(str(tmp_path), first + 3)
    assert (numbers(page.records), page.gap) == ([first, first + 1, first + 2], (1, first - 1))
    page = read_events_before(str(tmp_path), first - 2)
    assert (page.records, page.gap) == ([], (1, first - 3))
    page = read_events_before(str(tmp_path), first + 3, limit=3)
    assert page.gap == (1, first - 1)


def test_damaged_events_end_a_page_and_are_the_next_ones_gap(tmp_path: Path) -> None:
    write_events(tmp_path, [49] * 9)
    damage_event(tmp_path, 5, 50)
    damage_event(tmp_path, 6, 50)
    assert numbers(read_events(str(tmp_path), 2).records) == [3, 4]
    page = read_events(str(tmp_path), 4)
    assert (numbers(page.records), page.gap) == ([7, 8, 9], (5, 6))
    page = read_events_before(str(tmp_path), 9, limit=6)
    assert (numbers(page.records), page.gap) == ([7, 8], (5, 6))
    page = read_events_before(str(tmp_path), 7)
    assert (page.records, page.gap) == ([], (5, 6))
    page = read_events_before(str(tmp_path), 5)
    assert (numbers(page.records), page.gap) == ([1, 2, 3, 4], None)


def test_a_damaged_last_event_is_a_gap_too(tmp_path: Path) -> None:
    write_events(tmp_path, [49] * 3)
    damage_event(tmp_path, 3, 50)
    page = read_events(str(tmp_path), 2)
    assert (page.records, page.gap, page.last_seq) == ([], (3, 3), 3)
    assert read_events_before(str(tmp_path), 9).gap == (3, 3)


def test_events_are_read_backwards_to_the_first(tmp_path: Path) -> None:
    write_events(tmp_path, [30] * 100)
    before = 1000
    seen: list[int] = []
    while (page := read_events_before(str(tmp_path), before, limit=33)).records:
        assert page.gap is None
        seen = numbers(page.records) + seen
        before = seen[0]
    assert seen == list(range(1, 101))


def test_a_record_that_is_being_written_is_not_there_yet(tmp_path: Path) -> None:
    write_events(tmp_path, [100, 100])
    path = tmp_path / "events-1.j"
    os.truncate(path, path.stat().st_size - 1)
    page = read_events(str(tmp_path), 1)
    assert (page.records, page.gap, page.last_seq) == ([], None, 1)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    """Output in reads of all sizes, and its directory."""
    directory = tmp_path_factory.mktemp("output")
    sizes = [1] * 2000 + [65536, 4095, 1, 65536] + [7] * 1000
    pieces = [bytes([65 + n % 26]) * size for n, size in enumerate(sizes)]
    write_output(directory, pieces, keep=64 << 20)
    return str(directory), b"".join(pieces)


@settings(max_examples=20)
@given(st.data())
def test_output_is_the_same_wherever_a_page_begins(mixed: tuple[str, bytes], data: st.DataObject) -> None:
    directory, whole = mixed
    start = data.draw(st.integers(0, len(whole)))
    limit = data.draw(st.integers(1, 200_000))
    page = read_terminal(directory, start, limit)
    assert (page.start, page.kept_from, page.end) == (start, 0, len(whole))
    assert page.data == whole[start : start + len(page.data)]
    assert page.data or start == len(whole)
    assert len(page.data) <= limit


def test_single_keystrokes_make_a_page_short_not_slow(tmp_path: Path) -> None:
    write_output(tmp_path, [b"k"] * 5000)
    page = read_terminal(str(tmp_path), 10, 10_000)
    assert len(page.data) == 4096
    assert len(read_terminal(str(tmp_path), 10 + 4096, 10_000).data) == 5000 - 4096 - 10


def test_output_no_longer_kept_begins_where_it_is_kept(tmp_path: Path) -> None:
    write_output(tmp_path, [b"%04096d" % n for n in range(200)])
    start = segments(str(tmp_path), "terminal")[0]
    page = read_terminal(str(tmp_path), 17, 4096)
    assert (page.start, page.kept_from, page.end) == (start, start, 200 * 4096)
    assert page.data == b"%04096d" % (start // 4096)


def test_above_the_end_there_is_nothing_and_the_end_is_told(tmp_path: Path) -> None:
    write_output(tmp_path, [b"one"])
    page = read_terminal(str(tmp_path), 10)
    assert (page.data, page.kept_from, page.end) == (b"", 0, 3)


def test_damaged_output_ends_a_page_and_the_next_begins_behind(tmp_path: Path) -> None:
    write_output(tmp_path, [b"one", b"two", b"three"])
    flip(tmp_path / "terminal-0.j", HEAD.size + 3)
    assert read_terminal(str(tmp_path), 1).data == b"ne"
    page = read_terminal(str(tmp_path), 3)
    assert (page.start, page.data, page.end) == (6, b"three", 11)
    assert read_terminal(str(tmp_path), 8).data == b"ree"


def test_damage_at_the_end_of_output_is_passed_over(tmp_path: Path) -> None:
    write_output(tmp_path, [b"one", b"two"])
    flip(tmp_path / "terminal-0.j", -1)
    page = read_terminal(str(tmp_path), 3)
    assert (page.start, page.data, page.end) == (6, b"", 6)


def test_a_reader_is_right_while_the_writer_appends_and_trims(tmp_path: Path) -> None:
    log = TerminalLog.open(str(tmp_path), KEEP)
    log.append(0, 7, b"00000000")

    def write() -> None:
        for _ in range(1000):
            log.append(log.end, 7, b"".join(b"%08d" % (log.end // 8 + n) for n in range(64)))

    writer = threading.Thread(target=write)
    writer.start()
    at = pages = 0
    while writer.is_alive() or at < log.end:
        page = read_terminal(str(tmp_path), at, 8000)
        assert page.start == at or page.start <= page.end
        assert page.data == b"".join(b"%08d" % (page.start // 8 + n) for n in range(len(page.data) // 8))
        at = page.start + len(page.data)
        pages += 1
    writer.join()
    assert at == log.end == 8 + 1000 * 512
    assert pages > 1
    log.close()


def test_a_reader_of_events_sees_no_gap_in_what_is_being_written(tmp_path: Path) -> None:
    log = EventLog.open(str(tmp_path))

    def write() -> None:
        for seq in range(1, 2001):
            log.append(seq, 7, b"x" * 100)

    writer = threading.Thread(target=write)
    writer.start()
    after = 0
    while after < 2000:
        page = read_events(str(tmp_path), after)
        assert page.gap is None
        after = page.records[-1][0] if page.records else after
    writer.join()
    log.close()
