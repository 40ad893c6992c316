"""`rc serve` in front of somebody: its keys, leaving it, and the terminal that is closed under it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.boxprocess import BoxProcess, box_process
from tests.flows.rawstream import RawStream
from tests.gitrepos import commit, repository


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BoxProcess]:
    project = repository(tmp_path / "app")
    commit(project, {"README": "hello\n"})
    with box_process(tmp_path, project) as box:
        yield box


def test_a_closed_terminal_drops_the_screen_and_nothing_else(box: BoxProcess) -> None:
    with box.start_on_terminal("--no-create-session-in-dir") as terminal:
        session = box.new("cat")
        with box.stream(session["id"], "terminal_after=0") as stream:
            terminal.hang_up()
            stream.type(b"still here\n")
            stream.until(lambda: stream.terminal == b"still here\r\nstill here\r\n")
        assert box.new("sleep", "600")["state"] == "running"  # by now SIGHUP has long been there
        assert terminal.process.poll() is None
        assert box.rc("shutdown").code == 0
        assert terminal.process.wait(15) == 0
    assert len(box.running()) == 2


@pytest.mark.parametrize("key", [b"q", b"\x03"], ids=["q", "Ctrl-C"])
def test_leaving_the_screen_ends_the_supervisor_only(box: BoxProcess, key: bytes) -> None:
    with box.start_on_terminal("--no-create-session-in-dir") as terminal:
        session = box.new("sleep", "600", name="stays")
        terminal.until("stays")
        terminal.forget()
        terminal.type(key)
        assert terminal.wait() == 0
        assert b"\x1b[?1049l" in terminal.shown and b"\x1b[?25h" in terminal.shown
        assert "sessions run on" in terminal.text or "sessions_that_run_on=1" in terminal.text
    assert box.running() == [session["pid"]]
    box.start("--no-create-session-in-dir")
    assert box.session(session["id"])["state"] == "running"


def test_w_switches_the_mode_for_all_who_look_and_for_later_starts(box: BoxProcess) -> None:
    with box.start_on_terminal("--no-create-session-in-dir") as terminal:
        with RawStream(box.connect(), "/v1/stream") as stream:
            assert stream.hear("hello")["box"]["spawn_mode"] == "same-dir"
            terminal.type(b"w")
            stream.hear("box", lambda told: told["box"]["spawn_mode"] == "worktree")
        terminal.until("worktree")
        assert box.new("sleep", "600")["workspace"] != str(box.project)
        terminal.type(b"q")
        assert terminal.wait() == 0
    box.start("--no-create-session-in-dir")
    assert box.call("GET", "/v1/box")[1]["spawn_mode"] == "worktree"
