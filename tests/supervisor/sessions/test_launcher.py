"""The launcher's end of the control socket. A slow zygote is a program that sleeps, with a socket that nobody reads."""

from __future__ import annotations

import json
import resource
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from supervisor.sessions.launcher import END_SECONDS, MAX_WISH, RESTART_SECONDS, Launcher, start_zygote
from tests.waiting import until
from workers.errors import Broken


class Slow:
    """A launcher whose zygote does not read yet, and what it would read."""

    def __init__(self, launcher: Launcher, control: socket.socket) -> None:
        self.launcher = launcher
        self._control = control

    def read(self) -> dict[str, Any] | None:
        """The next wish, None when there is none."""
        try:
            wish: dict[str, Any] = json.loads(self._control.recv(MAX_WISH))
        except BlockingIOError:
            return None
        return wish


@pytest.fixture
async def slow() -> AsyncIterator[Slow]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    theirs.setblocking(False)
    launcher = Launcher()
    with theirs, subprocess.Popen(["sleep", "600"]) as child:  # noqa: ASYNC220  # the launcher wants one of these
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(launcher.run, (child, ours))
                yield Slow(launcher, theirs)
                child.kill()
                nursery.cancel_scope.cancel()
        finally:
            child.kill()


async def test_wishes_that_find_no_room_wait_for_it_all_of_them(slow: Slow) -> None:
    wished = [f"{number}-" + "x" * 60_000 for number in range(12)]
    async with trio.open_nursery() as nursery:
        for bundle in wished:
            nursery.start_soon(slow.launcher.launch, bundle)
        await wait_all_tasks_blocked()
        read: list[str] = []
        with trio.fail_after(5):
            while len(read) < len(wished):
                wish = slow.read()
                if wish is None:
                    await trio.lowlevel.checkpoint()
                else:
                    read.append(wish["bundle"])
    assert sorted(read) == sorted(wished)


async def test_a_wish_that_no_message_holds_is_not_sent(slow: Slow) -> None:
    with pytest.raises(Broken, match="at once"):
        await slow.launcher.launch("x" * MAX_WISH)
    assert slow.read() is None


async def test_who_asks_gets_the_other_end_of_what_the_zygote_gets(slow: Slow) -> None:
    ours = await slow.launcher.hand_over({"do": "exec"})
    with ours:
        assert slow.read() == {"do": "exec"}


async def test_a_zygote_that_forks_nothing_is_not_ready(slow: Slow, autojump_clock: MockClock) -> None:
    with pytest.raises(Broken, match="does not answer"):
        await slow.launcher.check()


async def test_a_zygote_that_cannot_be_started_now_is_started_later(mock_clock: MockClock) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with trio.open_nursery() as nursery:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # and all of these are taken
        try:
            started = trio.Event()

            async def run() -> None:
                await nursery.start(Launcher().run)
                started.set()

            nursery.start_soon(run)
            await wait_all_tasks_blocked()
            assert not started.is_set()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        mock_clock.jump(RESTART_SECONDS)
        await started.wait()
        nursery.cancel_scope.cancel()


async def test_a_zygote_that_reads_nothing_is_killed(autojump_clock: MockClock) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    with theirs, subprocess.Popen(["sleep", "600"]) as child:  # noqa: ASYNC220  # the launcher wants one of these
        try:
            launcher = Launcher()
            async with trio.open_nursery() as nursery:
                await nursery.start(launcher.run, (child, ours))
                await launcher.launch("bundle")
                await launcher.wait_next(1)
                assert child.returncode == -signal.SIGKILL
                nursery.cancel_scope.cancel()
        finally:
            child.kill()


async def test_a_zygote_that_does_not_end_by_itself_is_killed_in_the_end(autojump_clock: MockClock) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, start_stopped() as child:
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(Launcher().run, (child, ours))
                nursery.cancel_scope.cancel()
            assert trio.current_time() >= END_SECONDS
            assert child.returncode == -signal.SIGKILL
        finally:
            child.kill()


def start_stopped() -> subprocess.Popen[bytes]:
    """What takes no notice of anything but SIGKILL."""
    child = subprocess.Popen(["sleep", "600"])
    child.send_signal(signal.SIGSTOP)
    return child


def test_what_a_zygote_complains_of_lies_in_its_directory(tmp_path: Path) -> None:
    (tmp_path / "zygote.log").write_text("what an earlier one said")
    child, control = start_zygote(str(tmp_path))
    with child, control:
        control.setblocking(True)
        control.send(b"no wish")
        until(lambda: "JSONDecodeError" in (tmp_path / "zygote.log").read_text())
        control.close()
        assert child.wait(10) == 0
    assert "earlier" not in (tmp_path / "zygote.log").read_text()
