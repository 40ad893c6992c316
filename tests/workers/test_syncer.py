from __future__ import annotations

import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.journalfile import EventLog, TerminalLog
from workers.segments import segments
from workers.syncer import FLUSH_OCTETS, FLUSH_SECONDS, Done, Syncer

DEADLINE_MS = 10_000


class Disk:
    """A log of our own whose syncs wait for a pipe, or fail: a descriptor that is only a name cannot be synced."""

    def __init__(self) -> None:
        self.broken = False
        self.taken = 0
        self.rolled = 0

    def take_unsynced(self) -> list[int]:
        self.taken += 1
        return [os.open("/", os.O_PATH)] if self.broken else []

    def roll_next(self) -> None:
        self.rolled += 1


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def syncer(disk: Disk) -> Iterator[Syncer]:
    syncer = Syncer([disk])
    yield syncer
    syncer.close()


def wait_done(syncer: Syncer) -> list[Done]:
    ready = select.poll()
    ready.register(syncer.fd, select.POLLIN)
    assert ready.poll(DEADLINE_MS)
    return syncer.done()


def test_a_request_is_told_when_it_is_on_disk(tmp_path: Path) -> None:
    log = EventLog.open(str(tmp_path))
    syncer = Syncer([log])
    log.append(1, 7, b"{}")
    syncer.request("prompt")
    assert wait_done(syncer) == [Done("prompt", None)]
    assert log.take_unsynced() == []
    assert syncer.close() == []
    log.close()


def test_nothing_is_done_before_something_was_asked(syncer: Syncer) -> None:
    assert syncer.done() == []
    assert syncer.due is None


def test_output_is_synced_by_time(syncer: Syncer, disk: Disk) -> None:
    syncer.wrote(10, now=100.0)
    syncer.wrote(10, now=100.1)
    assert syncer.due == 100.0 + FLUSH_SECONDS
    syncer.tick(100.1)
    assert disk.taken == 0
    syncer.tick(100.2)
    assert disk.taken == 1
    assert wait_done(syncer) == []
    syncer.tick(500.0)
    assert disk.taken == 1


def test_output_is_synced_by_amount(syncer: Syncer, disk: Disk) -> None:
    syncer.wrote(FLUSH_OCTETS, now=100.0)
    assert (disk.taken, syncer.due) == (1, None)


def test_what_comes_during_a_sync_is_the_next_batch(syncer: Syncer, disk: Disk) -> None:
    syncer.request(1)
    syncer.request(2)
    syncer.wrote(FLUSH_OCTETS, now=100.0)
    assert disk.taken == 1
    assert wait_done(syncer) == [Done(1, None)]
    assert disk.taken == 2
    assert wait_done(syncer) == [Done(2, None)]
    assert disk.taken == 2


def test_a_tick_during_a_sync_is_made_up_for(syncer: Syncer, disk: Disk) -> None:
    syncer.request(1)
    syncer.wrote(10, now=100.0)
    syncer.tick(100.2)
    assert syncer.due == 100.2 + FLUSH_SECONDS
    wait_done(syncer)
    syncer.tick(100.4)
    assert disk.taken == 2


def test_a_sync_that_fails_is_told_and_later_records_begin_a_new_file(syncer: Syncer, disk: Disk) -> None:
    disk.broken = True
    syncer.request("prompt")
    (done,) = wait_done(syncer)
    assert (done.token, type(done.error), disk.rolled) == ("prompt", OSError, 1)
    disk.broken = False
    syncer.request("next")
    assert wait_done(syncer) == [Done("next", None)]


def test_closing_settles_all_that_is_open(disk: Disk) -> None:
    syncer = Syncer([disk])
    syncer.request(1)
    syncer.request(2)
    assert syncer.close() == [Done(1, None), Done(2, None)]


def test_closing_puts_the_rest_on_disk(tmp_path: Path) -> None:
    log = TerminalLog.open(str(tmp_path))
    syncer = Syncer([log])
    log.append(0, 7, b"bye")
    assert syncer.close() == []
    assert log.take_unsynced() == []
    assert segments(str(tmp_path), "terminal") == [0]
    log.close()
