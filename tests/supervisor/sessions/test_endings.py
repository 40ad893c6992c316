"""What is written into a journal by whoever holds the lock once the worker is gone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from supervisor.core.access import OWNER
from supervisor.sessions.endings import (
    catch_up,
    ending_left,
    first_facts,
    read_facts,
    replace_lost_bundle,
    write_later,
    write_lost,
)
from supervisor.sessions.session import Session
from tests.supervisor.sessions.livebox import spec_of
from workers.bundle import Bundle
from workers.core.events import Update, archived, body_of, process, renamed
from workers.core.lifecycle import State
from workers.errors import Refused
from workers.journalfile import EventLog
from workers.journalread import read_events

BOOT, OTHER_BOOT = "this-boot", "another-boot"


@contextmanager
def locked(bundle: Bundle) -> Iterator[None]:
    """As long as a worker lives."""
    lock = bundle.try_lock()
    assert lock is not None
    try:
        yield
    finally:
        os.close(lock)


class Left:
    """A session whose worker has run and is gone, and what it had written."""

    def __init__(self, home: Path) -> None:
        (home / "sessions").mkdir()
        spec = spec_of(home, "true")
        self.bundle = Bundle.create(str(home / "sessions" / spec.id), spec)
        self.session = Session(spec, first_facts(spec), self.bundle, lambda _: None)
        self.bundle.history_for(BOOT)
        self.bundle.write("worker.json", json.dumps({"boot_id": BOOT}))
        self.wrote(process("starting"), process("running", pid=42), renamed("fix"))

    def wrote(self, *updates: Update) -> None:
        journal = EventLog.open(self.bundle.directory)
        for update in updates:
            journal.append(journal.last_seq + 1, 7, body_of(update, "rc"))
        journal.close()

    @property
    def last(self) -> dict[str, object]:
        body = read_events(self.bundle.directory, 0).records[-1][2]
        event: dict[str, object] = json.loads(body)
        return event


@pytest.fixture
def left(tmp_path: Path) -> Left:
    return Left(tmp_path)


async def test_what_the_worker_wrote_last_is_taken_in(left: Left) -> None:
    left.wrote(process("exited", code=3, signal=None, reason="ended"))
    assert await ending_left(left.session)
    facts = left.session.facts
    assert (facts.state, facts.exit, facts.name) == (
        State.EXITED, {"code": 3, "signal": None, "reason": "ended"}, "fix",
    )  # fmt: skip
    assert left.session.hub.last_seq == 4


async def test_a_note_tells_the_end_that_the_journal_had_no_room_for(left: Left) -> None:
    left.bundle.write("exit.json", json.dumps({"state": "suspended", "code": 0, "signal": None, "reason": "suspended"}))
    assert await ending_left(left.session)
    assert (left.session.facts.state, left.session.facts.pid) == (State.SUSPENDED, None)


@pytest.mark.parametrize(
    ("boot", "reason", "state", "told"),
    [
        (BOOT, None, State.LOST, "lost"),
        (OTHER_BOOT, None, State.LOST, "rebooted"),
        (BOOT, "killed", State.EXITED, "killed"),
    ],
)
async def test_a_worker_that_went_without_a_word_gets_an_end(
    left: Left, boot: str, reason: str | None, state: State, told: str
) -> None:
    assert await write_lost(left.session, boot, reason)
    ended = {"code": None, "signal": None, "reason": told}
    assert (left.session.facts.state, left.session.facts.exit) == (state, ended)
    assert left.last["origin"] == "rc"
    note = left.bundle.read_json("exit.json")
    assert note is not None and (note["state"], note["reason"]) == (state.value, told)
    count = left.session.facts.last_seq
    assert await write_lost(left.session, boot, reason)
    assert left.session.facts.last_seq == count, "an end is written once"


async def test_a_worker_that_has_the_lock_is_not_called_lost(left: Left) -> None:
    with locked(left.bundle):
        assert not await write_lost(left.session, BOOT)
    assert left.session.facts.state is State.RUNNING
    assert left.bundle.read_json("exit.json") is None


async def test_after_a_reboot_the_numbers_belong_to_another_history(left: Left) -> None:
    await catch_up(left.session)
    before = left.session.facts.history
    assert await write_lost(left.session, OTHER_BOOT)
    assert left.session.facts.history not in ("", before)


async def test_a_fact_about_what_has_ended_is_numbered_and_says_by_whom(left: Left) -> None:
    await write_lost(left.session, BOOT)
    seq = await write_later(left.session, BOOT, archived(), OWNER.by())
    assert left.session.facts.archived and left.session.facts.last_seq == seq == 5
    assert (left.last["origin"], left.last["by"]) == ("person", OWNER.by())
    assert read_facts(left.bundle, first_facts(left.session.spec)).archived


async def test_two_never_write_one_journal(left: Left) -> None:
    await write_lost(left.session, BOOT)
    with locked(left.bundle), pytest.raises(Refused) as refused:
        await write_later(left.session, BOOT, archived(), OWNER.by())
    assert refused.value.code == "invalid_state" and not left.session.facts.archived


async def test_a_bundle_that_is_there_is_not_replaced(left: Left) -> None:
    await write_lost(left.session, BOOT)
    before = sorted(os.listdir(left.bundle.directory))
    await replace_lost_bundle(left.session, BOOT)
    assert sorted(os.listdir(left.bundle.directory)) == before


async def test_where_no_bundle_can_be_made_the_cause_is_told(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "true")
    session = Session(spec, first_facts(spec), Bundle(str(tmp_path / "gone" / spec.id)), lambda _: None)
    with pytest.raises(Refused) as refused:
        await replace_lost_bundle(session, BOOT)
    assert refused.value.code == "disk_full"


async def test_a_journal_with_strange_events_is_read_to_its_end(left: Left) -> None:
    left.wrote({"sessionUpdate": "_rc/renamed"}, {"sessionUpdate": "_rc/resized", "rows": "many"}, renamed("after"))
    await catch_up(left.session)
    assert (left.session.facts.name, left.session.facts.last_seq) == ("after", 6)
