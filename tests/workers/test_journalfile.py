from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.workers.journals import KEEP, events, flip, write_events, write_output
from workers.core.journal import HEAD, Damage
from workers.journalfile import EventLog, TerminalLog
from workers.journalread import read_events, read_terminal
from workers.segments import segments


def test_a_new_log_is_empty_and_begins_with_1(tmp_path: Path) -> None:
    log = EventLog.open(str(tmp_path))
    assert (log.first_seq, log.last_seq, log.damage) == (1, 0, ())
    log.close()


def test_numbers_go_on_in_a_log_that_is_opened_again(tmp_path: Path) -> None:
    write_events(tmp_path, [b"{1}", b"{2}"])
    write_events(tmp_path, [b"{3}"])
    assert events(tmp_path) == {1: b"{1}", 2: b"{2}", 3: b"{3}"}


def test_a_number_out_of_turn_is_a_bug(tmp_path: Path) -> None:
    log = EventLog.open(str(tmp_path))
    with pytest.raises(AssertionError):
        log.append(2, 7, b"{}")
    log.close()


def test_old_events_are_trimmed_a_segment_at_a_time(tmp_path: Path) -> None:
    log = EventLog.open(str(tmp_path), KEEP)
    for seq in range(1, 101):
        log.append(seq, 7, b"x" * 10_000)
    assert 1 < log.first_seq < 80
    assert log.first_seq == segments(str(tmp_path), "events")[0]
    assert KEEP <= sum(path.stat().st_size for path in tmp_path.iterdir()) <= KEEP + (128 << 10)
    log.close()
    assert EventLog.open(str(tmp_path), KEEP).first_seq == log.first_seq


def test_never_more_output_is_kept_than_it_should_be_and_nearly_as_much(tmp_path: Path) -> None:
    log = TerminalLog.open(str(tmp_path), KEEP)
    for _ in range(200):
        log.append(log.end, 7, b"y" * 4096)
        assert min(log.end, KEEP - (128 << 10)) <= log.end - log.start <= KEEP
    assert log.start == segments(str(tmp_path), "terminal")[0]
    log.close()


def test_single_keystrokes_do_not_fill_the_disk_with_heads(tmp_path: Path) -> None:
    log = TerminalLog.open(str(tmp_path), 64 << 10)
    for _ in range(8000):
        log.append(log.end, 7, b"k")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 192 << 10
    log.close()


@pytest.mark.parametrize("left", [1, HEAD.size - 1, HEAD.size, HEAD.size + 4])
def test_a_torn_tail_is_cut_back_to_the_last_whole_record(tmp_path: Path, left: int) -> None:
    write_events(tmp_path, [b"first"])
    path = tmp_path / "events-1.j"
    whole = path.stat().st_size
    write_events(tmp_path, [b"second"])
    os.truncate(path, whole + left)
    log = EventLog.open(str(tmp_path))
    assert path.stat().st_size == whole
    assert log.damage == (Damage(2, 1, f"an unfinished record of {left} octets was cut off"),)
    log.append(2, 7, b"again")
    log.close()
    assert events(tmp_path) == {1: b"first", 2: b"again"}


def test_a_flipped_bit_in_the_middle_is_told_and_left_alone(tmp_path: Path) -> None:
    write_events(tmp_path, [b"first", b"second", b"third"])
    flip(tmp_path / "events-1.j", HEAD.size + 5 + HEAD.size + 2)
    size = (tmp_path / "events-1.j").stat().st_size
    log = EventLog.open(str(tmp_path))
    assert (log.last_seq, log.damage) == (3, (Damage(2, 2, "damaged records"),))
    assert (tmp_path / "events-1.j").stat().st_size == size
    log.close()


@pytest.mark.parametrize("octet", [-1, -HEAD.size])
def test_the_number_of_a_last_record_that_is_damaged_is_not_given_out_again(tmp_path: Path, octet: int) -> None:
    write_events(tmp_path, [b"first", b"2"])
    flip(tmp_path / "events-1.j", octet)
    for _ in range(2):
        log = EventLog.open(str(tmp_path))
        assert (log.last_seq, log.damage) == (2, (Damage(2, 2, "damaged records"),))
        log.close()
    write_events(tmp_path, [b"third"])
    assert events(tmp_path) == {1: b"first"}
    page = read_events(str(tmp_path), 1)
    assert ([seq for seq, _, _ in page.records], page.gap) == ([3], (2, 2))


def test_a_segment_that_is_gone_is_told(tmp_path: Path) -> None:
    log = EventLog.open(str(tmp_path), KEEP)
    for seq in range(1, 20):
        log.append(seq, 7, b"x" * 10_000)
    log.close()
    _, second, third = segments(str(tmp_path), "events")
    (tmp_path / f"events-{second}.j").unlink()
    log = EventLog.open(str(tmp_path), KEEP)
    assert log.damage == (Damage(second, third - 1, "damaged records"),)
    log.close()


def test_output_that_is_damaged_keeps_its_offsets(tmp_path: Path) -> None:
    write_output(tmp_path, [b"one", b"two", b"three"])
    path = tmp_path / "terminal-0.j"
    flip(path, -1)
    flip(path, HEAD.size + 3)
    log = TerminalLog.open(str(tmp_path))
    assert (log.start, log.end) == (0, 11)
    assert log.damage == (Damage(3, 10, "damaged records"),)
    log.append(11, 7, b"four")
    log.close()
    assert read_terminal(str(tmp_path), 3).start == 11


def test_a_torn_tail_of_output_is_cut(tmp_path: Path) -> None:
    write_output(tmp_path, [b"one", b"two"])
    path = tmp_path / "terminal-0.j"
    os.truncate(path, path.stat().st_size - 1)
    log = TerminalLog.open(str(tmp_path))
    assert (log.end, len(log.damage)) == (3, 1)
    log.close()
