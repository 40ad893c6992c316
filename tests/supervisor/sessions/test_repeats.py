"""A command that is said again when nobody can take it any more."""

from __future__ import annotations

import os
import signal
import uuid
from pathlib import Path
from typing import Any

import pytest
import trio

from supervisor.core.access import OWNER
from supervisor.sessions.repeats import first_acceptance
from tests.supervisor.sessions.livebox import end_all, live_box, until_true
from workers.errors import Refused


def prompt(text: str = "hello") -> dict[str, Any]:
    return {"kind": "prompt", "text": text, "message_id": str(uuid.uuid4())}


async def test_a_repeat_to_an_ended_session_gets_the_first_ack_and_anything_else_is_refused(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session, said = await box.start(adapter="echo"), [prompt(), prompt("again")]
        numbers = [await session.command(each, OWNER.by()) for each in said]
        await box.verbs.stop(session, OWNER)
        last = session.facts.last_seq
        for each, number in zip(said, numbers, strict=True):
            assert await session.order(each, OWNER.by())() == (number, True)
        cancel = {"kind": "cancel_message", "message_id": said[0]["message_id"]}
        for other in (prompt(), {"kind": "prompt", "text": "hello"}, cancel):
            with pytest.raises(Refused) as refused:
                await session.command(other, OWNER.by())
            assert refused.value.code == "not_running" and "rc resume" in refused.value.hint
        assert session.facts.last_seq == last


async def test_a_repeat_gets_the_first_ack_where_the_worker_does_not_answer(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session, said = await box.start(adapter="echo"), prompt()
        number, worker = await session.command(said, OWNER.by()), session.worker_pid
        assert worker is not None
        os.kill(worker, signal.SIGSTOP)
    async with live_box(tmp_path, epoch=2) as box:
        (found,) = box.take_up({})
        await box.keepers.adopt([found])
        assert await found.command(said, OWNER.by()) == number
        with pytest.raises(Refused) as refused:
            await found.command(prompt(), OWNER.by())
        assert refused.value.code == "not_running"
        os.kill(worker, signal.SIGCONT)
        await until_true(found, lambda: found.answers)
        await end_all(box)


async def test_what_was_accepted_when_the_worker_died_is_acknowledged_all_the_same(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session, said = await box.start(adapter="echo"), prompt()
        worker = session.worker_pid
        assert worker is not None
        number = await session.command(said, OWNER.by())
        os.kill(worker, signal.SIGSTOP)
        accepted = session.order(said, OWNER.by())
        os.kill(worker, signal.SIGKILL)
        with trio.fail_after(10):
            assert await accepted() == (number, True)
        await until_true(session, lambda: session.ended)


async def test_where_there_is_no_journal_nothing_was_accepted(tmp_path: Path) -> None:
    assert await first_acceptance(str(tmp_path), str(uuid.uuid4())) is None
