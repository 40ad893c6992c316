"""The keeper of one session: adopts its worker, carries what it tells, and finds out how it ended."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
import trio

from supervisor.core.hold import Hold, Turn
from supervisor.core.pacing import Pace, Pacing
from supervisor.core.verdict import Found, Verdict, judge
from supervisor.sessions.endings import catch_up, ending_left, write_lost
from supervisor.sessions.link import Link, Stale, Supervisor, open_link
from supervisor.sessions.session import Session
from supervisor.sessions.strays import end_strays
from workers.core.lifecycle import ENDED, State
from workers.core.wire import Kind
from workers.errors import Broken

SILENT_SECONDS = 10.0  # a held lock and no word for this long is shown as `unresponsive`
PING_SECONDS = 4.0  # two pings are lost before a worker counts as silent
LAUNCH_SECONDS = 20.0  # a worker is up after some 5 ms; 32 at once on a loaded machine take seconds
KEPT_SECONDS = 4.0  # until people are shown that the oldest output is kept no longer; a look lists some file names
RETRY_FIRST, RETRY_MOST = 0.001, 0.25

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Keeping:
    """What all keepers of a box share. `on_ended` is called once for each session whose end is known."""

    us: Supervisor
    boot: str
    on_ended: Callable[[Session], None]
    pacing: Pacing = field(default_factory=Pacing)


async def keep(session: Session, keeping: Keeping, launched: bool) -> None:
    """From here to the session's end, over every break of the link. `launched`: a worker was asked for just now, so
    nobody at the lock yet is no proof of death."""
    patience = trio.current_time() + LAUNCH_SECONDS if launched else 0.0
    silent_since = trio.current_time()
    pauses = _pauses()
    while True:
        try:
            link = await open_link(session.bundle, session.id, keeping.us)
        except Stale as error:
            log.error("worker_has_a_later_supervisor", session=session.id, detail=str(error))
            session.turn(Turn.SILENCE)
            await trio.sleep(SILENT_SECONDS)
            continue
        except (Broken, ValueError) as error:
            if await _is_over(session, keeping, patient=trio.current_time() < patience):
                keeping.on_ended(session)
                return
            if trio.current_time() - silent_since > SILENT_SECONDS and not session.unresponsive:
                log.warning("worker_silent", session=session.id, detail=str(error))
                session.turn(Turn.SILENCE)
            await trio.sleep(next(pauses))
            continue
        patience = 0.0
        try:
            if _has_missed(session, link.welcome["state"]):
                await catch_up(session)
            session.link_up(link)
            await _carry(session, link, Pace(keeping.pacing, session.id))
        finally:
            session.link_down()
            link.close()
        silent_since, pauses = trio.current_time(), _pauses()


def _has_missed(session: Session, state: dict[str, Any]) -> bool:
    """Whether something happened that the journal alone tells now: while there was no link, or, with a worker that was
    quick, all of it. Of a session that has just begun the worker's word says enough."""
    counts = session.facts.last_seq > 0 or State(state["state"]) in ENDED
    return counts and session.facts.last_seq < state["last_seq"]


def _pauses() -> itertools.chain[float]:
    doubling = (RETRY_FIRST * 2**n for n in range(8))
    return itertools.chain(doubling, itertools.repeat(RETRY_MOST))


async def _carry(session: Session, link: Link, pace: Pace) -> None:
    """Bring what the worker tells to the session until the line ends."""
    heard = _Heard(trio.current_time())
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link.flush_forever)
            nursery.start_soon(_listen_for_silence, session, link, heard)
            nursery.start_soon(_look_at_kept_output, session)
            while frames := await link.receive():
                heard.at = trio.current_time()
                session.word()
                for frame in frames:
                    session.take(frame)
                rest = pace.due(len(frames[-1].payload), heard.at)
                if rest is not None:
                    link.send(Kind.PACE, number=rest)
            nursery.cancel_scope.cancel()
    except* Broken as group:
        log.debug("link_broken", session=session.id, detail=str(group.exceptions[0]))


@dataclass(slots=True)
class _Heard:
    at: float


async def _listen_for_silence(session: Session, link: Link, heard: _Heard) -> None:
    for number in itertools.count(1):
        await trio.sleep(PING_SECONDS)
        if trio.current_time() - heard.at > SILENT_SECONDS:
            session.turn(Turn.SILENCE)
        if not link.is_clogged:
            link.send(Kind.PING, number=number)


async def _look_at_kept_output(session: Session) -> None:
    while True:
        await trio.sleep(KEPT_SECONDS)
        if session.hub.end - session.facts.start > session.spec.terminal_keep // 2:  # else nothing was dropped yet
            await session.look_at_kept_output()


async def _is_over(session: Session, keeping: Keeping, *, patient: bool) -> bool:
    """Whether the session has ended; if so its facts say how."""
    try:
        verdict = judge(await trio.to_thread.run_sync(_look, session, patient))
        if verdict is Verdict.KEEP_WAITING:
            return False
        if verdict is Verdict.REPORT_EXIT:
            return await ending_left(session)
        return await write_lost(session, keeping.boot, "killed" if session.hold is Hold.KILLED else None)
    except FileNotFoundError:
        await _forget(session)
        return True


async def _forget(session: Session) -> None:
    """Somebody took the bundle away: nothing is left to read how it ended, nor to write that down."""
    await trio.to_thread.run_sync(end_strays, session.id)
    session.worker_pid = None
    log.error("bundle_gone", session=session.id)
    if not session.ended:
        gone = {"code": None, "signal": None, "reason": "lost"}
        session.set_facts(state=State.LOST, exit=gone, pid=None, turn=None)


def _look(session: Session, patient: bool) -> Found:
    bundle = session.bundle
    if patient and bundle.read_json("exit.json") is None:
        # Trying the lock now could take it from under the worker that is just starting.
        return Found(answered=False, left_note=False, lock_held=True)
    lock = bundle.try_lock()
    if lock is None:
        return Found(answered=False, left_note=False, lock_held=True)
    os.close(lock)
    return Found(answered=False, left_note=bundle.read_json("exit.json") is not None, lock_held=False)
