"""Launching and forgetting: a keeper for each session, never two, and none that stays behind."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
import trio

from supervisor.sessions.endings import first_facts
from supervisor.sessions.launcher import MAX_WISH
from tests.supervisor.sessions.livebox import alive, end_all, is_running, live_box, spec_of, until_true
from tests.waiting import until
from workers.errors import Broken


async def test_a_launch_returns_when_the_agent_runs(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = box.register(spec_of(tmp_path, "sleep", "600"))
        await box.keepers.launch(session)
        assert is_running(session) and session.kept and session.answers
        await end_all(box)


async def test_a_launch_returns_when_the_agent_is_known_not_to_run(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = box.register(spec_of(tmp_path, "no-such-program"))
        await box.keepers.launch(session)
        assert session.facts.exit is not None and session.facts.exit["reason"] == "launch_failed"
        await session.wait_settled()
        assert not session.kept and box.ended == [session]


async def test_what_a_zygote_was_asked_for_that_is_killed_is_asked_of_the_next(tmp_path: Path) -> None:
    others = zygotes_of_ours()
    async with live_box(tmp_path) as box, trio.open_nursery() as nursery:
        (zygote,) = await trio.to_thread.run_sync(until, lambda: zygotes_of_ours() - others)
        os.kill(zygote, signal.SIGSTOP)
        session = box.register(spec_of(tmp_path, "sleep", "600"))
        nursery.start_soon(box.keepers.launch, session)
        await until_true(session, lambda: session.kept)
        os.kill(zygote, signal.SIGKILL)
        await until_true(session, lambda: is_running(session) and session.answers)
        await end_all(box)


def zygotes_of_ours() -> set[int]:
    """Those of this very process; other modules' fixtures may have some."""
    ours, found = b"PPid:\t%d\n" % os.getpid(), set()
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            if ours in (place / "status").read_bytes() and b"workers.zygote" in (place / "cmdline").read_bytes():
                found.add(int(place.name))
    return found


async def test_a_worker_that_cannot_even_be_asked_for_is_nobodys_to_keep(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        spec = spec_of(tmp_path, "true", id="x" * MAX_WISH)
        session = box.registry.add(spec, first_facts(spec))
        with pytest.raises(Broken):
            await box.keepers.launch(session)
        assert not session.kept


async def test_what_is_forgotten_leaves_no_process_and_no_keeper(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sh", "-c", "setsid sleep 600 & sleep 600")
        worker, agent = session.worker_pid or 0, session.facts.pid or 0
        assert alive(worker) and alive(agent)
        await box.keepers.forget(session)
        await until_true(session, lambda: not session.kept)
        await trio.to_thread.run_sync(until, lambda: not alive(worker) and not alive(agent))
        assert box.ended == [], "nobody is told of an end: it never was a session"


async def test_what_was_never_launched_can_be_forgotten(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        await box.keepers.forget(box.register(spec_of(tmp_path, "true")))


async def test_no_session_has_two_keepers(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sleep", "600")
        with pytest.raises(AssertionError):
            await box.keepers.adopt([session])
        assert is_running(session)
        await end_all(box)


async def test_an_ended_session_is_launched_again_by_the_same_road(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("true")
        await until_true(session, lambda: session in box.ended)
        (tmp_path / "sessions" / session.id / "exit.json").unlink()
        seq = session.facts.last_seq
        await box.keepers.launch(session, resume=True)
        await session.wait_until(lambda: session.facts.last_seq > seq)
        await until_true(session, lambda: len(box.ended) == 2)
