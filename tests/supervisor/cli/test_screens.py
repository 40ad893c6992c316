"""`rc top` and `rc doctor`."""

from __future__ import annotations

import os
from pathlib import Path

import trio

from supervisor.cli import screens
from tests.supervisor.cli.calling import call, environment
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.cli.oddbox import OddBox
from tests.supervisor.cli.stage import client_at, stage, terminal
from tests.supervisor.web.boxes import ServedBox


def test_top_needs_a_terminal(rc: Rc) -> None:
    called = rc("top")
    assert (called.code, "rc status" in called.err) == (2, True)


def test_top_says_when_it_is_the_name_of_the_terminal_that_is_missing(rc: Rc) -> None:
    with terminal(), environment(TERM=""):
        called = rc("top")
    assert (called.code, "TERM" in called.err) == (2, True)


def test_an_agent_is_told_that_top_is_not_for_it_terminal_or_not(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", "/v1/box", {"you": {"person": None, "role": "agent", "session": "session_1"}})
    called = odd_rc("top")
    assert called.code == 4 and called.err.endswith("; run it in a terminal outside every session\n")


async def test_top_shows_a_box_that_runs_and_switches_its_mode(box: ServedBox) -> None:
    with terminal(24, 100) as screen, environment(TERM="xterm"):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(screens.show, client_at(box.socket))
            await screen.until(b"Capacity: ")
            screen.type(b"w")
            await screen.until(b"Mode: worktree")
            screen.type(b"w")
            await screen.until(b"Mode: same-dir")
            screen.type(b"q")


async def test_it_goes_on_when_the_box_comes_back(tmp_path: Path) -> None:
    box = {"name": "here", "urls": [], "spawn_mode": "same-dir", "capacity": 1, "used": 0, "projects": []}
    with terminal(24, 100) as screen, environment(TERM="xterm"):
        async with stage(tmp_path) as played_box, trio.open_nursery() as nursery:
            nursery.start_soon(screens.show, played_box.client)
            played = await played_box.next()
            assert played.path == "/v1/stream"
            await played.tell("hello", box=box, sessions=[], approvals=[])
            await screen.until(b"here")
            await played.cut()
            again = await played_box.next()
            await again.tell("hello", box={**box, "name": "back again"}, sessions=[], approvals=[])
            await screen.until(b"back again")
            screen.type(b"q")


def test_doctor_tells_what_is_there(tmp_path: Path) -> None:
    called = call("--state-dir", str(tmp_path / "s"), "doctor")
    assert "ok   git: git version" in called.out
    report = call("--state-dir", str(tmp_path / "s"), "doctor", "--json")
    assert '"findings"' in report.out
    assert not os.path.exists(tmp_path / "s")


def test_doctor_tells_what_an_agent_would_find(tmp_path: Path) -> None:
    with environment(HTTPS_PROXY="http://secret@proxy"):
        called = call("--state-dir", str(tmp_path / "s"), "doctor", "--agent", "shell")
    assert called.code == 0
    assert "TERM=" in called.out
    assert "secret" not in called.out
    assert "PATH" in call("--state-dir", str(tmp_path / "s"), "doctor", "--agent", "shell", "--json").json
    assert call("doctor", "--agent", "no-such").code == 78


def test_doctor_fails_when_something_is_not_well(tmp_path: Path) -> None:
    config = tmp_path / "box.toml"
    config.write_text("capacity = -1\n")
    called = call("doctor", "--config", str(config))
    assert called.code == 1
    assert "BAD  settings" in called.out
