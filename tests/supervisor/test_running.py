"""The life of a box, in this process: what it refuses before it has begun, and what its signals mean."""

from __future__ import annotations

import gc
import os
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio

from supervisor.running import leaves, run
from supervisor.serveoptions import ServeOptions
from supervisor.sessions.launcher import start_zygote
from supervisor.statelock import make_state_dir
from tests.supervisor.cli.calling import directory, environment
from workers.errors import Refused

SECONDS = 20.0


@contextmanager
def place(tmp_path: Path) -> Iterator[str]:
    """A state directory, and a current one to serve; what a box changes in its process goes back."""
    state = tmp_path / "s"
    make_state_dir(str(state))
    (tmp_path / "box.toml").touch()
    (tmp_path / "app").mkdir()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with directory(tmp_path / "app"), environment(RC_CONFIG=str(tmp_path / "box.toml"), SHELL="/bin/sh"):
        try:
            yield str(state)
        finally:
            structlog.reset_defaults()
            gc.unfreeze()
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def options(state: str, listen: str) -> ServeOptions:
    return ServeOptions(state_dir=state, listen=(listen,), create_session_in_dir=False)


async def test_it_serves_on_when_its_terminal_is_closed_and_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    with place(tmp_path) as state:
        codes: list[int] = []
        zygote = start_zygote(state)

        async def live() -> None:
            codes.append(await run(options(state, "127.0.0.1:0"), state, zygote))

        with trio.fail_after(SECONDS):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(live)
                assert await ask(state) == b"HTTP/1.1 200"
                os.kill(os.getpid(), signal.SIGHUP)
                assert await ask(state) == b"HTTP/1.1 200"
                os.kill(os.getpid(), signal.SIGTERM)
        assert codes == [0]
        assert zygote[0].wait(SECONDS) == 0


async def ask(state: str) -> bytes:
    """How the box answers, as soon as it listens."""
    while True:
        try:
            stream = await trio.open_unix_socket(os.path.join(state, "rc.sock"))
        except (FileNotFoundError, ConnectionRefusedError):
            await trio.lowlevel.checkpoint()
            continue
        async with stream:
            await stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: box\r\n\r\n")
            return bytes(await stream.receive_some(12))


async def test_a_port_in_use_is_refused_before_anything_is_remembered(tmp_path: Path) -> None:
    with place(tmp_path) as state, socket.create_server(("127.0.0.1", 0)) as taken:
        zygote = start_zygote(state)
        try:
            with pytest.raises(Refused, match="is in use"), trio.fail_after(SECONDS):
                await run(options(state, f"127.0.0.1:{taken.getsockname()[1]}"), state, zygote)
        finally:
            zygote[1].close()  # the start that was refused takes it along by ending
            zygote[0].wait(SECONDS)
        assert not os.path.exists(os.path.join(state, "rc.sock"))


def test_refusals_come_out_of_the_groups_around_them() -> None:
    first, second, third = (Refused("invalid", text, "") for text in "abc")
    nested: list[Any] = [first, ExceptionGroup("inner", [second]), third]
    group: ExceptionGroup[Refused] = ExceptionGroup("outer", nested)
    assert leaves(group) == [first, second, third]
