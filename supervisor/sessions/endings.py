"""How sessions end whose worker is gone, and what is written into their journals afterwards.

Whoever holds the bundle's lock writes its journal: here that is the supervisor, with the same code as the worker.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog
import trio

from supervisor.core.facts import Facts, fold
from supervisor.core.verdict import lost_reason
from supervisor.sessions.session import Session
from supervisor.sessions.strays import end_strays
from workers.bundle import Bundle
from workers.core.events import Update, body_of, notice, now_text, process
from workers.core.journal import Damage
from workers.core.lifecycle import State
from workers.core.spec import Spec
from workers.errors import Refused
from workers.journalfile import EventLog, TerminalLog
from workers.journalread import read_events
from workers.segments import sync

PAGE = 1 << 20
Written = tuple[int, int, bytes]  # seq, time in ns since 1970, body

log = structlog.get_logger()


async def ending_left(session: Session) -> bool:
    """Take in what the worker wrote before it went; true, the session has ended."""
    await catch_up(session)
    if not session.ended:
        note = await trio.to_thread.run_sync(session.bundle.read_json, "exit.json") or {}
        session.set_facts(**_told(note))
    return True


def _told(note: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that a note of the end tells."""
    ended = {key: note.get(key) for key in ("code", "signal", "reason")}
    return {"state": State(note.get("state", "exited")), "exit": ended, "pid": None, "turn": None}


async def catch_up(session: Session) -> None:
    """Give the session the events that are on disk and that it has not heard of."""
    facts = await trio.to_thread.run_sync(read_facts, session.bundle, session.facts)
    session.hub.restart_events(facts.last_seq)
    session.hub.advance(facts.offset)
    session.set_facts(**facts.to_json())
    if facts.offset:
        await session.look_at_kept_output()


def read_facts(bundle: Bundle, known: Facts) -> Facts:
    """What the journal adds to what is known, its history among it. Blocks on the disk."""
    facts = replace(known, history=str((bundle.read_json("journal.json") or {}).get("history", known.history)))
    while True:
        page = read_events(bundle.directory, facts.last_seq, 1000, PAGE)
        for seq, _at, body in page.records:
            facts = fold(facts, seq, json.loads(body))
        if not page.records:
            return facts


def first_facts(spec: Spec) -> Facts:
    """What is known of a session before its first event."""
    return Facts(name=spec.name, rows=spec.rows, columns=spec.columns)


async def write_lost(session: Session, boot: str, reason: str | None = None) -> bool:
    """Write down that the worker went without a word; false when somebody has the lock after all.

    `reason` is that of the `exit` when it is known better than by looking (`killed`). Nothing is written where the
    journal ends with its end: then only the note is missing, for which there was no time, or no room.
    """
    await catch_up(session)
    if session.ended:
        return True
    note = await trio.to_thread.run_sync(_write_lost, session.bundle, session.id, boot, reason)
    if note is None:
        return False
    session.worker_pid = None
    await catch_up(session)
    if not session.ended:  # the disk did not take it; whoever starts next finds the same
        session.set_facts(**_told(note))
    log.warning("session_lost", session=session.id, reason=session.facts.exit and session.facts.exit["reason"])
    return True


def _write_lost(bundle: Bundle, session: str, boot: str, reason: str | None) -> dict[str, Any] | None:
    with _holding(bundle) as held:
        if not held:
            return None
        end_strays(session)
        ran_under = (bundle.read_json("worker.json") or {}).get("boot_id")
        why = reason or lost_reason(ran_under, boot)
        state = "exited" if why == "killed" else "lost"
        ended = {"code": None, "signal": None, "reason": why}
        note = {"state": state, **ended}
        try:
            offset, torn = _end_of_terminal(bundle)
            _append(bundle, boot, [*torn, process(state, **ended, terminal_offset=offset)], None)
            bundle.write("exit.json", json.dumps({"at": now_text(time.time_ns()), **note}))
        except (Refused, OSError) as error:
            log.error("end_not_written", session=session, detail=str(error))
        return note


async def replace_lost_bundle(session: Session, boot: str) -> None:
    """Where somebody took an ended session's bundle away: a new one with what is still known, its spec, its name and
    that it was lost, so that it can be deleted and restored like any other. Raises Refused `disk_full`."""
    if await trio.to_thread.run_sync(os.path.isdir, session.bundle.directory):
        return
    try:
        spec = replace(session.spec, name=session.facts.name)
        await trio.to_thread.run_sync(Bundle.create, session.bundle.directory, spec)
    except OSError as error:
        raise _not_taken(error) from error
    await trio.to_thread.run_sync(_write_lost, session.bundle, session.id, boot, "lost")
    session.set_facts(last_seq=0)
    await catch_up(session)


async def write_later(session: Session, boot: str, update: Update, by: dict[str, Any] | None) -> int:
    """Write a fact about an ended session into its journal: the event's number, which is on disk.

    Raises Refused `invalid_state` when somebody else holds its lock, `disk_full` when the disk does not take it.
    """
    try:
        written = await trio.to_thread.run_sync(_write_later, session.bundle, boot, update, by)
    except OSError as error:
        raise _not_taken(error) from error
    if written is None:
        raise Refused(
            "invalid_state", f"session {session.facts.name} is just changing its state", "try again in a moment"
        )
    history, records = written
    session.set_facts(history=history)
    for record in records:
        session.take_event(*record)
    return records[-1][0]


def _not_taken(error: OSError) -> Refused:
    return Refused("disk_full", f"the disk did not take it: {error.strerror}", "look at the box's disk")


def _write_later(
    bundle: Bundle, boot: str, update: Update, by: dict[str, Any] | None
) -> tuple[str, list[Written]] | None:
    with _holding(bundle) as held:
        if not held:
            return None
        records = _append(bundle, boot, [update], by)
        return bundle.history_for(boot), records


@contextlib.contextmanager
def _holding(bundle: Bundle) -> Iterator[bool]:
    lock = bundle.try_lock()
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def _append(bundle: Bundle, boot: str, updates: Sequence[Update], by: dict[str, Any] | None) -> list[Written]:
    """Number the updates, write them, and have them on disk. The caller holds the lock."""
    bundle.history_for(boot)
    journal = EventLog.open(bundle.directory)
    try:
        bodies = [body_of(told, "rc") for told in _torn(journal.damage, "events")]
        bodies += [body_of(update, "person" if by else "rc", by) for update in updates]
        records = [(seq, time.time_ns(), body) for seq, body in enumerate(bodies, journal.last_seq + 1)]
        for record in records:
            journal.append(*record)
        if failure := sync(journal.take_unsynced()):
            raise failure
        return records
    finally:
        journal.close()


def _end_of_terminal(bundle: Bundle) -> tuple[int, list[Update]]:
    """The offset, and what people should know about it."""
    terminal = TerminalLog.open(bundle.directory)
    try:
        return terminal.end, _torn(terminal.damage, "octets of output")
    finally:
        terminal.close()


def _torn(damage: Sequence[Damage], what: str) -> list[Update]:
    """Told here, because it is cut off as the journal is opened; a hole stays, and is a gap to whoever reads."""
    return [notice("warning", each.text(what)) for each in damage if each.is_torn_end]
