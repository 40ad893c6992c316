"""What a take-over is refused for before anything has ended; the flows show that the other one goes on."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from supervisor.serveoptions import ServeOptions
from supervisor.statelock import make_state_dir
from supervisor.takeover import check
from tests.supervisor.sessions.livebox import spec_of
from workers.bundle import Bundle
from workers.errors import Refused


@pytest.fixture
def state(tmp_path: Path) -> str:
    make_state_dir(str(tmp_path / "s"))
    return str(tmp_path / "s")


def options(state: str, *listen: str, spawn: str | None = None, project: str = "") -> ServeOptions:
    projects = (project or os.path.dirname(state),)
    return ServeOptions(projects, spawn, listen=listen or ("127.0.0.1:0",), state_dir=state, config=os.devnull)


async def refusal(options: ServeOptions, state: str) -> str:
    with pytest.raises(Refused) as caught:
        await check(options, state)
    return caught.value.detail


async def test_what_could_start_is_let_through_and_leaves_nothing(state: str) -> None:
    before = sorted(os.listdir(state))
    await check(options(state, "127.0.0.1:0", "127.0.0.1:0"), state)
    assert sorted(os.listdir(state)) == before


async def test_an_address_a_project_and_a_mode_that_cannot_be_had_are_refused(state: str) -> None:
    assert "nonsense" in await refusal(options(state, "nonsense"), state)
    assert "loopback" in await refusal(options(state, "127.0.0.1:0", "0.0.0.0:0"), state)
    assert "/nowhere" in await refusal(options(state, project="/nowhere"), state)
    assert "git" in await refusal(options(state, spawn="worktree"), state)


async def test_one_session_only_is_refused_beside_one_that_has_not_ended(state: str, tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "cat")
    Bundle.create(os.path.join(state, "sessions", spec.id), spec)
    assert spec.name in await refusal(options(state, spawn="session"), state)


async def test_a_port_in_use_may_be_that_of_a_supervisor_that_does_not_say(state: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        await check(options(state, f"127.0.0.1:{taken.getsockname()[1]}"), state)
