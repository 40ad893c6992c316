from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workers.journals import KEEP, events, no_file_larger_than, write_events
from workers.errors import Refused
from workers.journalfile import EventLog, TerminalLog
from workers.journalread import read_terminal
from workers.segments import segments, sync


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
    for name in ("events-x.j", "events-.j", "events-1.j.new", "events-007.j", "events-٣.j", "terminal-3.j"):
        (tmp_path / name).touch()
    assert segments(str(tmp_path), "events") == []
