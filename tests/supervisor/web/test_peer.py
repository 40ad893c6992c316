"""Who is at the other end of the box's socket: real processes that connect."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trio
from trio.testing import MockClock

from supervisor.core.access import OWNER, Principal
from supervisor.web.peer import LOOKERS, judge_peer
from tests.supervisor.web.streams.stage import SESSION, open_stage
from workers.core import events

CONNECT = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); sys.stdin.read()"


@contextmanager
def connected(directory: Path, **environment: str) -> Iterator[tuple[socket.socket, subprocess.Popen[bytes]]]:
    """A connection that another process made, in a session of its own, and that process, which stays."""
    path = str(directory / "rc.sock")
    unmarked = {key: value for key, value in os.environ.items() if key != "RC_SESSION_ID"}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        words = [sys.executable, "-I", "-S", "-c", CONNECT, path]
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, env={**unmarked, **environment}, start_new_session=True
        ) as process:
            connection, _ = listener.accept()
            with connection:
                yield connection, process
            process.kill()


async def test_a_process_outside_is_the_owner(tmp_path: Path) -> None:
    with connected(tmp_path) as (connection, _):
        assert await judge_peer(connection, []) == OWNER


async def test_a_process_with_the_mark_of_a_session_is_its_agent(tmp_path: Path) -> None:
    with connected(tmp_path, RC_SESSION_ID="session_x") as (connection, _):
        assert await judge_peer(connection, []) == Principal("agent", "session_x")


async def test_a_process_below_a_worker_is_the_agent_of_its_session_whatever_it_says(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.session.worker_pid = os.getpid()
        with connected(tmp_path, RC_SESSION_ID="session_x") as (connection, _):
            assert await judge_peer(connection, [stage.session]) == Principal("agent", SESSION)
            stage.worker.tell(events.process("exited", code=0))
            assert await judge_peer(connection, [stage.session]) == Principal("agent", "session_x")


async def test_a_process_of_an_agents_own_session_is_inside(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        with connected(tmp_path) as (connection, process):
            stage.session.set_facts(pid=process.pid)
            assert await judge_peer(connection, [stage.session]) == Principal("agent", SESSION)


async def test_a_process_that_is_gone_cannot_be_ruled_out(tmp_path: Path) -> None:
    with connected(tmp_path) as (connection, process):
        process.kill()
        process.wait()
        assert await judge_peer(connection, []) == Principal("agent", None)


async def test_a_look_that_has_no_end_is_given_up_and_nothing_is_left_open(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    mock_clock.autojump_threshold = 0.01
    with connected(tmp_path) as (connection, _):
        before = os.listdir("/proc/self/fd")
        hung = [object() for _ in range(int(LOOKERS.total_tokens))]
        for look in hung:
            LOOKERS.acquire_on_behalf_of_nowait(look)
        try:
            assert await judge_peer(connection, []) == Principal("agent", None)
        finally:
            for look in hung:
                LOOKERS.release_on_behalf_of(look)
        assert os.listdir("/proc/self/fd") == before
        assert trio.current_time() > 0


async def test_nobody_waits_for_a_look(tmp_path: Path) -> None:
    done: list[str] = []

    async def look() -> None:
        await judge_peer(connection, [])
        done.append("look")

    with connected(tmp_path) as (connection, _):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(look)
            await trio.lowlevel.checkpoint()
            done.append("others")
    assert done == ["others", "look"]
