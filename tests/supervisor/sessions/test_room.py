"""Room on the disk: what is wanted decides whether there is any, so that no test fills a disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from supervisor.core.room import Limits
from supervisor.sessions.endings import first_facts
from supervisor.sessions.registry import Registry
from supervisor.sessions.room import LOOK_SECONDS, NOTICE, Room
from supervisor.sessions.session import Session
from tests.supervisor.sessions.livebox import spec_of
from workers.bundle import Bundle
from workers.core.lifecycle import State
from workers.errors import Refused
from workers.journalfile import TerminalLog
from workers.segments import segments

ENOUGH = Limits(octets=0, percent=0)
NEVER_ENOUGH = Limits(octets=1 << 62)


class Kept:
    """A registry with sessions that have ended, and its room."""

    def __init__(self, home: Path, limits: Limits) -> None:
        (home / "sessions").mkdir(parents=True, exist_ok=True)
        self.home = home
        self.registry = Registry(str(home / "sessions"), lambda id: None)
        self.changes: list[str | None] = []
        self.room = Room(str(home), limits, self.registry, lambda: self.changes.append(self.room.notice))

    def ended(self) -> Session:
        spec = spec_of(self.home)
        session = self.registry.add(spec, first_facts(spec))
        session.set_facts(state=State.EXITED)
        Bundle.create(session.bundle.directory, spec)
        log = TerminalLog.open(session.bundle.directory, keep=1 << 20)
        for _ in range(4):
            log.append(log.end, 7, b"x" * (50 << 10))
        log.close()
        return session

    def output_of(self, session: Session) -> list[int]:
        return segments(session.bundle.directory, "terminal")


async def test_enough_room_is_no_reason_to_say_or_drop_anything(tmp_path: Path) -> None:
    kept = Kept(tmp_path, ENOUGH)
    session = kept.ended()
    before = kept.output_of(session)
    await kept.room.check()
    assert not kept.room.is_short
    await kept.room._look()
    assert kept.output_of(session) == before and len(before) > 1
    assert (kept.room.notice, kept.changes) == (None, [])


async def test_no_session_begins_while_room_is_short_and_the_largest_are_named(tmp_path: Path) -> None:
    kept = Kept(tmp_path, NEVER_ENOUGH)
    session = kept.ended()
    assert kept.room.is_short
    with pytest.raises(Refused) as refused:
        await kept.room.check()
    assert refused.value.code == "disk_full"
    assert session.bundle.directory in refused.value.detail


async def test_where_nothing_is_kept_no_directory_is_named(tmp_path: Path) -> None:
    kept = Kept(tmp_path, NEVER_ENOUGH)
    with pytest.raises(Refused) as refused:
        await kept.room.check()
    assert refused.value.detail.endswith(" is nearly full, and not by what sessions keep")


async def test_output_of_ended_sessions_goes_but_for_its_end(tmp_path: Path) -> None:
    kept = Kept(tmp_path, NEVER_ENOUGH)
    session = kept.ended()
    last = kept.output_of(session)[-1]
    await kept.room._look()
    assert kept.output_of(session) == [last] and session.facts.start == last
    assert kept.changes == [NOTICE]


async def test_a_session_that_somebody_writes_to_is_left_alone(tmp_path: Path) -> None:
    kept = Kept(tmp_path, NEVER_ENOUGH)
    session = kept.ended()
    before = kept.output_of(session)
    lock = session.bundle.try_lock()
    assert lock is not None
    await kept.room._look()
    os.close(lock)
    assert kept.output_of(session) == before


async def test_a_session_that_is_deleted_meanwhile_stops_nobody_from_looking(tmp_path: Path) -> None:
    kept = Kept(tmp_path, NEVER_ENOUGH)
    deleted, other = kept.ended(), kept.ended()
    os.rename(deleted.bundle.directory, tmp_path / "trashed")
    await kept.room._look()
    assert len(kept.output_of(other)) == 1


async def test_a_session_that_gives_an_error_stops_nobody_from_looking(tmp_path: Path) -> None:
    kept = Kept(tmp_path, NEVER_ENOUGH)
    odd, other = kept.ended(), kept.ended()
    os.mkdir(odd.bundle.path("lock"))
    await kept.room._look()
    assert len(kept.output_of(odd)) > 1 and len(kept.output_of(other)) == 1


async def test_a_disk_that_gives_errors_ends_no_watch(tmp_path: Path, autojump_clock: MockClock) -> None:
    kept = Kept(tmp_path / "box", NEVER_ENOUGH)
    os.rename(kept.home, tmp_path / "away")
    with trio.move_on_after(LOOK_SECONDS * 1.5):
        await kept.room.watch()
    assert kept.changes == []
    os.rename(tmp_path / "away", kept.home)
    with trio.move_on_after(LOOK_SECONDS / 2):
        await kept.room.watch()
    assert kept.changes == [NOTICE]
