"""Runs of a remote session on this machine: begun, left alone, taken up again, ended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import trio

from supervisor.remote.local import Place
from tests.supervisor.sessions.livebox import alive, output, until_true
from workers.core.lifecycle import State
from workers.errors import Refused

ID = "session_00000000-0000-4000-8000-000000000001"
WANTED: dict[str, Any] = {
    "id": ID,
    "name": "away",
    "agent": "shell",
    "adapter": "terminal",
    "argv": ["sh", "-c", "echo $GREETING in $PWD; exec sleep 600"],
    "env": {"GREETING": "hello"},
    "project": "app",
    "rows": 24,
    "columns": 80,
}


def place(home: Path) -> Place:
    return Place(str(home), ID, str(home), {"PATH": "/usr/bin:/bin", "SECRET": "x"})


async def test_a_run_goes_on_without_us_and_is_taken_up_again(tmp_path: Path) -> None:
    with trio.fail_after(60):
        first = place(tmp_path)
        async with trio.open_nursery() as running:
            await running.start(first.run)
            run = first.prepare(WANTED)
            session = await first.take_up(run)
            assert first.session is session is await first.take_up(run) and first.has(run)
            with session.hub.looking():
                await until_true(session, lambda: session.hub.end > 0)
            assert await output(session) == f"hello in {tmp_path}\r\n".encode()
            assert "SECRET" not in session.bundle.spec().env
            pid = session.facts.pid
            with pytest.raises(Refused, match="another rc worker"):
                place(tmp_path)
            running.cancel_scope.cancel()
        assert pid is not None and alive(pid)
        second = place(tmp_path)
        async with trio.open_nursery() as running:
            await running.start(second.run)
            session = await second.take_up(run)
            await until_true(session, lambda: session.answers)
            assert session.facts.pid == pid and await output(session) == f"hello in {tmp_path}\r\n".encode()
            await second.end()
            assert not alive(pid) and not second.has(run) and second.session is None
            running.cancel_scope.cancel()


async def test_a_run_that_was_only_prepared_begins_when_it_is_taken_up(tmp_path: Path) -> None:
    with trio.fail_after(60):
        run = (first := place(tmp_path)).prepare(WANTED)
        assert first.has(run) and not first.has(run, 1), "somebody has seen events that we do not have"
        os.close(first._lock)  # its process was killed
        second = place(tmp_path)
        async with trio.open_nursery() as running:
            await running.start(second.run)
            session = await second.take_up(run)
            await until_true(session, lambda: session.facts.state is State.RUNNING)
            assert second.has(run, 1)
            await second.end()
            running.cancel_scope.cancel()


async def test_a_run_that_nobody_holds_any_more_is_ended_as_well(tmp_path: Path) -> None:
    with trio.fail_after(60):
        first = place(tmp_path)
        async with trio.open_nursery() as running:
            await running.start(first.run)
            session = await first.take_up(run := first.prepare(WANTED))
            pid, worker = session.facts.pid, session.worker_pid
            running.cancel_scope.cancel()
        second = place(tmp_path)
        async with trio.open_nursery() as running:
            await running.start(second.run)
            await second.end()
            assert pid is not None and worker is not None
            assert not alive(pid) and not alive(worker) and not second.has(run)
            running.cancel_scope.cancel()


async def test_what_this_release_cannot_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no agent of the kind"):
        place(tmp_path).prepare({**WANTED, "adapter": "of tomorrow"})
