from __future__ import annotations

import json
import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.smalldisk import small_disk
from tests.workers.journals import fill, no_file_larger_than
from workers.core import events
from workers.core.events import Blob
from workers.core.session import WriteEvent
from workers.journalread import read_events, read_terminal
from workers.recorder import CROWD, RETRY_SECONDS, Recorder, SideFiles
from workers.reserve import LAST_WORDS, RESERVE

SMALL = LAST_WORDS // 2  # with files no larger than this the reserve does not fit, and soon nothing else


class Journal:
    """A recorder, and who is told what is in the journal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[str] = []
        self.recorder = Recorder(str(folder), self)
        self.recorder.put_aside()
        self.next = self.recorder.last_seq + 1

    def event_written(self, seq: int, at_ns: int, body: bytes) -> None:
        assert read_events(str(self.folder), seq - 1).records == [(seq, at_ns, body)]
        self.told.append(f"event {seq}")

    def output_written(self, offset: int, data: bytes) -> None:
        assert read_terminal(str(self.folder), offset).data == data
        self.told.append(f"output {offset}")

    def disk_is_full(self) -> None:
        self.told.append("full")
        self.record("the disk is full")

    def disk_has_room(self) -> None:
        self.told.append("room")

    def record(self, text: str, blob: Blob | None = None) -> int:
        seq, self.next = self.next, self.next + 1
        self.recorder.write_event(WriteEvent(seq, events.body_of(events.notice("info", text), "rc"), blob))
        return seq

    def wait_settled(self) -> None:
        syncer = self.recorder._syncer
        assert syncer is not None
        ready = select.poll()
        ready.register(syncer.fd, select.POLLIN)
        assert ready.poll(10_000)
        self.recorder.settled()

    def retry(self) -> None:
        """As if the time had come."""
        assert self.recorder.full_until is not None
        self.recorder.tick(self.recorder.full_until)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path)
    yield made
    made.recorder.close()


def test_what_is_told_is_written_before(journal: Journal) -> None:
    journal.record("one")
    journal.recorder.output(b"abc")
    journal.record("two")
    journal.recorder.output(b"def")
    assert journal.told == ["event 1", "output 0", "event 2", "output 3"]
    assert (journal.recorder.first_seq, journal.recorder.last_seq) == (1, 2)
    assert (journal.recorder.start, journal.recorder.end) == (0, 6)


def test_an_answer_comes_when_all_before_it_is_on_disk(journal: Journal) -> None:
    answers: list[OSError | None] = []
    journal.recorder.start_syncing()
    journal.record("one")
    journal.recorder.settle(answers.append)
    assert answers == []
    journal.wait_settled()
    assert answers == [None]


def test_closing_settles_what_is_open(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.recorder.start_syncing()
    answers: list[OSError | None] = []
    journal.recorder.settle(answers.append)
    journal.recorder.close()
    assert answers == [None]
    assert not (tmp_path / "reserve").exists()


def test_output_is_put_on_disk_by_and_by(journal: Journal) -> None:
    assert journal.recorder.due() is None
    syncer = journal.recorder.start_syncing()
    journal.recorder.output(b"abc")
    due = journal.recorder.due()
    assert due is not None
    journal.recorder.tick(due)
    assert syncer.due is None
    journal.wait_settled()


def test_the_past_is_read_over_all_pages(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    body = events.body_of(events.accepted("prompt", "m"), "person")
    journal.recorder.write_event(WriteEvent(1, body))
    journal.next = 2
    for number in range(1000):
        journal.record(str(number))
    journal.recorder.close()
    again = Journal(tmp_path)
    past = again.recorder.read_past()
    assert (past.last_seq, past.seq_of("m")) == (1001, 1)
    assert again.recorder.damage == []
    again.record("goes on")
    assert again.told == ["event 1002"]
    again.recorder.close()


def test_the_past_of_an_empty_journal_is_empty(journal: Journal) -> None:
    assert journal.recorder.read_past().last_seq == 0


def test_a_torn_tail_is_cut_and_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.record("one")
    journal.recorder.close()
    with open(tmp_path / "events-1.j", "ab") as file:
        file.write(b"\xfeRJ\x01torn")
    again = Journal(tmp_path)
    assert len(again.recorder.damage) == 1
    assert "cut off" in again.recorder.damage[0]
    again.recorder.close()


def test_a_full_disk_holds_events_back_until_there_is_room(journal: Journal) -> None:
    answers: list[OSError | None] = []
    journal.recorder.start_syncing()
    with no_file_larger_than(300):
        journal.record("x" * 500)
        journal.recorder.settle(answers.append)
        assert journal.told == ["full"]
        assert journal.recorder.last_seq == 0
        journal.retry()
        assert journal.told == ["full"]
        assert journal.recorder.full_until is not None
    journal.retry()
    assert journal.told == ["full", "event 1", "event 2", "room"]
    assert journal.recorder.full_until is None
    journal.wait_settled()
    assert answers == [None]


def test_the_reserve_lets_one_notice_through_and_is_put_aside_again(journal: Journal, tmp_path: Path) -> None:
    assert (tmp_path / "reserve").stat().st_size == RESERVE
    with no_file_larger_than(SMALL):
        journal.recorder.output(b"x" * SMALL)
        assert journal.told == ["full", "event 1"]
        assert (tmp_path / "reserve").stat().st_size == LAST_WORDS
        journal.record("an event that still fits")
        assert journal.told == ["full", "event 1", "event 2"]
        journal.retry()
        assert "room" not in journal.told
    journal.retry()
    assert journal.told[-2:] == ["output 0", "room"]
    assert read_terminal(str(tmp_path), 0, SMALL).data == b"x" * SMALL
    assert (tmp_path / "reserve").stat().st_size == RESERVE
    journal.recorder.output(b"y")
    assert journal.told[-1] == f"output {SMALL}"


def test_room_for_the_output_but_not_for_the_reserve_is_not_enough(journal: Journal) -> None:
    with no_file_larger_than(100):
        journal.recorder.output(b"x" * 200)
    with no_file_larger_than(SMALL):
        journal.retry()
        assert journal.told[-1] == "output 0"
        assert journal.recorder.full_until is not None
    journal.retry()
    assert journal.told[-1] == "room"


def test_last_words_get_what_is_left_of_the_reserve(journal: Journal, tmp_path: Path) -> None:
    journal.recorder.take_last_words()
    assert (tmp_path / "reserve").stat().st_size == RESERVE  # nothing waits
    with no_file_larger_than(SMALL):
        journal.recorder.output(b"x" * SMALL)
        assert journal.recorder.waits
    journal.recorder.take_last_words()
    assert not (tmp_path / "reserve").exists()
    assert not journal.recorder.waits
    assert journal.told == ["full", "event 1", "output 0"]


def test_last_words_that_do_not_fit_either_wait(journal: Journal, tmp_path: Path) -> None:
    with no_file_larger_than(100):
        journal.record("x" * 500)
        journal.recorder.take_last_words()
        assert journal.recorder.waits
        assert journal.recorder.due() == journal.recorder.full_until is not None
        assert not (tmp_path / "reserve").exists()
    journal.retry()
    assert not journal.recorder.waits


def test_a_disk_that_stays_full_makes_a_crowd_of_events(journal: Journal) -> None:
    with no_file_larger_than(100):
        for _ in range(CROWD - 1):  # and the notice
            assert not journal.recorder.is_crowded
            journal.record("x" * 500)
        assert journal.recorder.is_crowded
    journal.retry()
    assert not journal.recorder.is_crowded


def test_a_small_file_may_come_later(journal: Journal, tmp_path: Path) -> None:
    with no_file_larger_than(300):
        journal.recorder.leave_file("worker.json", b"x" * 500)
        assert journal.told == ["full", "event 1"]
        journal.retry()
        assert not (tmp_path / "worker.json").exists()
        assert not journal.recorder.waits  # an end does not wait for it
    journal.retry()
    assert (tmp_path / "worker.json").read_bytes() == b"x" * 500
    assert journal.told == ["full", "event 1", "room"]


def test_a_full_disk_is_tried_once_a_second(journal: Journal) -> None:
    with no_file_larger_than(100):
        journal.record("x" * 500)
        due = journal.recorder.due()
        assert due is not None
        journal.recorder.tick(due - 0.001)
        assert journal.recorder.due() == due
        journal.recorder.tick(due)
        assert due < (journal.recorder.due() or 0) <= due + RETRY_SECONDS
    journal.retry()


def test_what_was_cut_is_kept_as_a_blob_once(journal: Journal, tmp_path: Path) -> None:
    update, blob = events.fit(events.agent_text("ü" * 200_000))
    assert blob is not None
    journal.record("one", blob)
    journal.record("two", blob)
    assert json.loads((tmp_path / "blobs" / blob.sha256).read_bytes())["content"]["text"] == "ü" * 200_000
    assert os.listdir(tmp_path / "blobs") == [blob.sha256]
    assert update["truncated"]["sha256"] == blob.sha256


def test_an_event_waits_for_room_for_its_blob(journal: Journal, tmp_path: Path) -> None:
    blob = Blob("0" * 64, b"x" * 5000)
    with no_file_larger_than(1000):
        journal.record("one", blob)
        assert journal.told == ["full"]
        assert os.listdir(tmp_path / "blobs") == []
    journal.retry()
    assert journal.told == ["full", "event 1", "event 2", "room"]
    assert (tmp_path / "blobs" / blob.sha256).read_bytes() == blob.data


def test_a_full_disk_that_is_tried_for_long_costs_no_descriptors(journal: Journal) -> None:
    with no_file_larger_than(1000):
        journal.record("one", Blob("0" * 64, b"x" * 5000))
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            journal.retry()
        assert len(os.listdir("/proc/self/fd")) == before


def test_small_files_are_whole_or_not_there(tmp_path: Path) -> None:
    files = SideFiles(str(tmp_path))
    files.write("a.json", b"first")
    with no_file_larger_than(3), pytest.raises(OSError, match="No space"):
        files.write("a.json", b"second")
    assert (tmp_path / "a.json").read_bytes() == b"first"
    taken = files.take_unsynced()
    assert len(taken) == 2  # of the file that is there, and of its directory
    assert files.take_unsynced() == []
    files.roll_next()
    for descriptor in taken:
        os.close(descriptor)


def test_a_small_file_is_on_disk_with_the_next_records(journal: Journal, tmp_path: Path) -> None:
    answers: list[OSError | None] = []
    act: Callable[[OSError | None], None] = answers.append
    journal.recorder.start_syncing()
    journal.recorder.write_file("worker.json", b"{}")
    journal.recorder.settle(act)
    journal.wait_settled()
    assert answers == [None]
    assert (tmp_path / "worker.json").read_bytes() == b"{}"


def test_an_event_that_finds_the_disk_full_goes_where_the_reserve_was(tmp_path: Path) -> None:
    with small_disk(tmp_path, 1 << 20) as disk:
        journal = Journal(disk.seen)
        journal.record("one")
        fill(disk.seen / "filler")
        for _ in range(2):
            journal.record("x" * 4096)
        assert journal.told == ["event 1", "full", "event 2", "event 3", "event 4"]
        assert not journal.recorder.waits
        journal.recorder.close()
