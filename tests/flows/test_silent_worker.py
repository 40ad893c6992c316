"""A worker that was stopped: nobody waits long for it, and what it did not take in time it does not do later."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from supervisor.core.access import OWNER
from supervisor.sessions.link import TAKE_SECONDS
from supervisor.sessions.session import Session
from tests.supervisor.sessions.livebox import LiveBox, end_all, is_running, live_box, until_true
from workers.errors import Refused
from workers.journalread import read_events

AT_ONCE = TAKE_SECONDS / 3
SOON = 2 * TAKE_SECONDS


@asynccontextmanager
async def stopped(home: Path) -> AsyncIterator[tuple[LiveBox, Session, Callable[[], Awaitable[None]]]]:
    """A session whose worker does not run just now, and how it goes on."""
    async with live_box(home) as box:
        session = await box.start(adapter="echo")
        worker = session.worker_pid
        assert worker is not None
        os.kill(worker, signal.SIGSTOP)

        async def go_on() -> None:
            os.kill(worker, signal.SIGCONT)
            await until_true(session, lambda: session.answers)

        yield box, session, go_on
        await end_all(box)


async def refusal(seconds: float, work: Callable[..., Awaitable[object]], *arguments: object) -> str:
    """With what it is refused within so many seconds."""
    with trio.fail_after(seconds), pytest.raises(Refused) as refused:
        await work(*arguments)
    assert refused.value.code == "not_running" and "rc stop" in refused.value.hint
    return refused.value.detail


def kinds(session: Session) -> list[bytes]:
    return [body for _seq, _at, body in read_events(session.bundle.directory, 0).records]


async def test_a_refused_suspend_does_not_happen_when_the_worker_goes_on(tmp_path: Path) -> None:
    async with stopped(tmp_path) as (box, session, go_on):
        assert "it will do nothing of it" in await refusal(SOON, box.verbs.suspend, session, OWNER)
        await go_on()
        assert await session.command({"kind": "interrupt"}, OWNER.by())  # behind it on the same line
        assert is_running(session) and not any(b'"suspend"' in body for body in kinds(session))


async def test_once_it_was_found_silent_everybody_is_refused_at_once(tmp_path: Path) -> None:
    async with stopped(tmp_path) as (box, session, go_on):
        prompt: dict[str, Any] = {"kind": "prompt", "text": "late", "message_id": str(uuid.uuid4())}
        await refusal(SOON, session.command, prompt, OWNER.by())
        last = session.facts.last_seq
        assert "so nothing was done" in await refusal(AT_ONCE, box.verbs.rename, session, "other", OWNER)
        await refusal(AT_ONCE, session.command, {"kind": "interrupt"}, OWNER.by())
        await refusal(AT_ONCE, session.command, prompt, OWNER.by())
        await go_on()
        assert await session.command(prompt, OWNER.by()) == last + 1, "nothing of all that was done"
        await box.verbs.rename(session, "other", OWNER)
        assert session.facts.name == "other"


async def test_a_stop_waits_for_a_worker_that_goes_on_in_time(tmp_path: Path) -> None:
    async with stopped(tmp_path) as (box, session, _):
        await refusal(SOON, session.command, {"kind": "interrupt"}, OWNER.by())
        async with trio.open_nursery() as both:
            both.start_soon(box.verbs.stop, session, OWNER)
            await trio.testing.wait_all_tasks_blocked(0.01)
            os.kill(session.worker_pid or 0, signal.SIGCONT)
        assert session.facts.exit is not None and session.facts.exit["reason"] == "stopped"
