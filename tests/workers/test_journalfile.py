from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workers.journals import fill, flip, is_root, no_file_larger_than, small_disk
from workers.core.journal import HEAD, Damage
from workers.errors import Refused
from workers.journalfile import LAST_WORDS, RESERVE, EventLog, Reserve, TerminalLog, segments, sync
from workers.journalread import read_events, read_terminal

KEEP = 256 << 10  # small enough that the smallest segments roll and trim within a test


def events(directory: Path) -> dict[int, bytes]:
    return {seq: body for seq, _, body in read_events(str(directory), 0, limit=1000).records}


def write_events(directory: Path, bodies: list[bytes]) -> None:
    log = EventLog.open(str(directory))
    for body in bodies:
        log.append(log.last_seq + 1, 7, body)
    log.close()


def write_output(directory: Path, pieces: list[bytes]) -> None:
    log = TerminalLog.open(str(directory))
    for piece in pieces:
        log.append(log.end, 7, piece)
    log.close()


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


def test_old_output_is_trimmed_a_segment_at_a_time(tmp_path: Path) -> None:
    log = TerminalLog.open(str(tmp_path), KEEP)
    for _ in range(200):
        log.append(log.end, 7, b"y" * 4096)
    assert log.start == segments(str(tmp_path), "terminal")[0]
    assert KEEP <= log.end - log.start <= KEEP + (128 << 10)
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


def test_what_is_not_synced_is_handed_over_once(tmp_path: Path) -> None:
    log = TerminalLog.open(str(tmp_path), KEEP)
    assert log.take_unsynced() == []
    for _ in range(40):
        log.append(log.end, 7, b"y" * 4096)
    taken = log.take_unsynced()
    # Two full segments, the one that is being written, and the directory with their names.
    assert len(taken) == 4
    assert sync(taken) is None
    assert log.take_unsynced() == []
    log.close()


def test_a_segment_that_is_trimmed_needs_no_sync(tmp_path: Path) -> None:
    log = TerminalLog.open(str(tmp_path), KEEP)
    for _ in range(400):
        log.append(log.end, 7, b"y" * 4096)
    taken = log.take_unsynced()
    assert len(taken) == len(segments(str(tmp_path), "terminal")) + 1
    assert sync(taken) is None
    log.close()


def test_a_failed_sync_is_told(tmp_path: Path) -> None:
    # A descriptor that only names its file cannot be synced, like one whose disk has failed.
    error = sync([os.open(tmp_path, os.O_PATH)])
    assert isinstance(error, OSError)


def test_after_a_failed_sync_a_new_segment_begins(tmp_path: Path) -> None:
    write_events(tmp_path, [b"1"])
    log = EventLog.open(str(tmp_path))
    log.roll_next()
    log.append(2, 7, b"2")
    log.append(3, 7, b"3")
    log.close()
    assert segments(str(tmp_path), "events") == [1, 2]
    assert events(tmp_path) == {1: b"1", 2: b"2", 3: b"3"}


def test_output_rolls_after_a_failed_sync_too(tmp_path: Path) -> None:
    log = TerminalLog.open(str(tmp_path))
    log.append(0, 7, b"abc")
    log.roll_next()
    log.append(3, 7, b"def")
    log.close()
    assert segments(str(tmp_path), "terminal") == [0, 3]


def test_a_file_that_may_not_grow_gets_whole_records_only(tmp_path: Path) -> None:
    # The kernel cuts the write that reaches the limit short, exactly as a full disk does.
    script = f"""
import resource
from workers.errors import Refused
from workers.journalfile import TerminalLog
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
log = TerminalLog.open({str(tmp_path)!r})
for _ in range(5):
    try:
        log.append(log.end, 7, b"z" * 3000)
    except Refused as refused:
        print(refused.code, log.end)
log.append(log.end, 7, b"small")
"""
    told = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert told == "disk_full 9000\ndisk_full 9000\n"
    assert read_terminal(str(tmp_path), 8999).data == b"zsmall"


def test_a_part_of_a_record_that_cannot_be_cut_off_is_passed_over(tmp_path: Path) -> None:
    # A file in memory that is sealed against shrinking: it takes a part of a record, and keeps it.
    memory = os.memfd_create("segment", os.MFD_ALLOW_SEALING)
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    (tmp_path / "events-1.j").symlink_to(f"/proc/self/fd/{memory}")
    log = EventLog.open(str(tmp_path))
    log.append(1, 7, b"first")
    for limit in (200, 300):
        with no_file_larger_than(limit), pytest.raises(Refused):
            log.append(2, 7, b"x" * 500)
        assert os.fstat(memory).st_size == limit
    log.append(2, 7, b"second")
    log.append(3, 7, b"third")
    assert events(tmp_path) == {1: b"first", 2: b"second", 3: b"third"}
    log.close()
    again = EventLog.open(str(tmp_path))
    assert (again.last_seq, again.damage) == (3, ())
    again.close()
    os.close(memory)


def test_an_old_segment_that_somebody_took_away_stops_nobody(tmp_path: Path) -> None:
    log = EventLog.open(str(tmp_path), KEEP)
    log.append(1, 7, b"{}")
    (tmp_path / "events-1.j").unlink()
    for seq in range(2, 101):
        log.append(seq, 7, b"x" * 10_000)
    assert log.first_seq == segments(str(tmp_path), "events")[0] > 1
    log.close()


def test_a_directory_that_is_gone_is_a_refusal(tmp_path: Path) -> None:
    directory = tmp_path / "bundle"
    directory.mkdir()
    log = EventLog.open(str(directory))
    directory.rmdir()
    with pytest.raises(Refused) as refused:
        log.append(1, 7, b"{}")
    assert refused.value.code == "disk_full"
    log.close()


def test_other_files_are_not_taken_for_segments(tmp_path: Path) -> None:
    for name in ("events-x.j", "events-.j", "events-1.j.new", "terminal-3.j"):
        (tmp_path / name).touch()
    assert segments(str(tmp_path), "events") == []


@pytest.mark.skipif(not is_root(), reason="only root can mount a small disk")
def test_a_full_disk_loses_nothing_and_has_room_for_a_notice(tmp_path: Path) -> None:
    with small_disk(tmp_path, 1 << 20) as disk:
        (disk / "ballast").write_bytes(bytes(128 << 10))
        reserve = Reserve(str(disk))
        assert reserve.rebuild()
        assert (disk / "reserve").stat().st_blocks * 512 >= RESERVE
        events_log, output = EventLog.open(str(disk)), TerminalLog.open(str(disk))
        with pytest.raises(Refused) as refused:
            while True:
                output.append(output.end, 7, b"o" * 3000)
        assert refused.value.code == "disk_full"
        with pytest.raises(Refused):
            events_log.append(1, 7, b"a notice")
        assert reserve.spend(LAST_WORDS)
        assert (disk / "reserve").stat().st_blocks * 512 == LAST_WORDS
        assert not reserve.spend(LAST_WORDS)
        events_log.append(1, 7, b"a notice")
        fill(disk / "filler")
        assert not reserve.rebuild()
        assert (disk / "reserve").stat().st_blocks * 512 == LAST_WORDS
        with pytest.raises(Refused):
            output.append(output.end, 7, b"l" * LAST_WORDS)
        assert reserve.spend()
        assert not reserve.spend()
        output.append(output.end, 7, b"o" * (LAST_WORDS - 4096))
        fill(disk / "filler")
        assert not reserve.rebuild()
        (disk / "ballast").unlink()
        (disk / "filler").unlink()
        assert reserve.rebuild()
        assert reserve.rebuild()
        events_log.close()
        output.close()
        assert events(disk) == {1: b"a notice"}
        assert read_terminal(str(disk), output.end - 5).data == b"ooooo"


def test_a_disk_without_room_for_one_more_file_has_no_reserve(tmp_path: Path) -> None:
    assert not Reserve(str(tmp_path / "gone")).rebuild()
