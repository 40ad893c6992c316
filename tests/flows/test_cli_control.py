"""Boxes that the command line starts, renews and ends, as real processes."""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.cli.starting import running_box
from tests.supervisor.cli.calling import Called, call, directory, environment
from tests.supervisor.cli.stage import terminal
from tests.supervisor.web.boxes import ServedBox, serving
from workers.errors import Refused


class Owned:
    """A box of this test's own, and `rc` at its state directory."""

    def __init__(self, box: ServedBox) -> None:
        self.box = box

    def __call__(self, *words: str) -> Called:
        with environment(RC_BOX=None, RC_LISTEN="127.0.0.1:0", RC_SESSION_ID=None):
            return call("--state-dir", str(self.box.state_dir), *words)


@pytest.fixture
def owned(tmp_path: Path) -> Iterator[Owned]:
    with serving(tmp_path) as box:
        yield Owned(box)
        with contextlib.suppress(Exception):
            Owned(box)("shutdown", "--sessions")


def test_shutdown_ends_the_supervisor_and_sessions_run_on(owned: Owned) -> None:
    owned.box.new(agent="echo", name="stays")
    called = owned("shutdown")
    assert called.code == 0
    assert called.out == "the box has ended; 1 session runs on, and rc serve takes it up again\n"
    assert owned.box.process.wait(5) == 0
    assert owned("shutdown").code == 5
    assert owned("serve", "-d").code == 0
    assert "stays  running" in owned("ls").out
    ended = owned("shutdown", "--sessions")
    assert ended.out == "the box and all sessions have ended\n"
    assert owned("serve", "-d", "--json").code == 0
    assert "stays  exited (stopped)" in owned("ls").out
    assert owned("shutdown", "--json").json == {"ok": True}


def test_restart_starts_it_anew_and_sessions_go_on(owned: Owned) -> None:
    made = owned.box.new(agent="echo", name="stays")
    pid = owned.box.process.pid
    assert owned("capacity", "7").code == 0
    called = owned("restart")
    assert called.code == 0, called
    assert "all sessions went on" in called.out
    assert owned("status", "--json").json["epoch"] == 2
    assert owned("capacity").out == "1/7\n"
    again = owned("restart", "--json").json
    assert again["epoch"] == 3
    assert again["pid"] != pid
    assert owned("send", made["id"], "hello", "--wait").out == "hello\n"


def args(state_dir: Path, no_start: bool = False) -> argparse.Namespace:
    return argparse.Namespace(state_dir=str(state_dir), box=None, no_start=no_start)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state directory; the box that is started there ends with the test."""
    (tmp_path / "here").mkdir()
    with directory(tmp_path / "here"), environment(RC_SESSION_ID=None, RC_LISTEN=None):
        yield tmp_path / "s"
        call("--state-dir", str(tmp_path / "s"), "shutdown", "--sessions")


def test_one_is_started_where_a_person_sits_and_said(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with terminal():
        client = running_box(args(state))
    said = capsys.readouterr().err
    assert said.startswith("rc: no box was running; started one in the background at http://127.0.0.1:")
    assert said.endswith("; rc shutdown ends it\n")
    assert client.get("/v1/code/sessions") == {"sessions": []}
    assert client.get("/v1/box")["projects"][0]["path"] == os.getcwd()


def test_a_port_in_use_is_got_around_and_said(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, terminal():
        state.mkdir()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        config = state.parent / "box.toml"
        config.write_text(f'listen = ["{listen}"]\n')
        with environment(RC_CONFIG=str(config)):
            client = running_box(args(state))
    assert f"({listen} is in use)" in capsys.readouterr().err
    # What this start was told does not count for the next.
    shown = {setting["key"]: setting for setting in client.get("/v1/box")["settings"]}
    assert shown["listen"]["source"] == "environment"
    assert shown["create_session_in_dir"]["source"] == "environment"


def test_a_box_that_had_to_choose_its_port_keeps_it_over_a_restart(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        config = state.parent / "box.toml"
        config.write_text(f'listen = ["{listen}"]\n')
        with environment(RC_CONFIG=str(config)), terminal():
            url = running_box(args(state)).get("/v1/box")["urls"][0]
            called = call("--state-dir", str(state), "restart")
    assert f" at {url} ({listen} is in use); all sessions went on\n" in called.out, called


def test_a_cause_that_another_port_does_not_help_is_told(tmp_path: Path) -> None:
    config = tmp_path / "box.toml"
    config.write_text("nonsense = 1\n")
    with terminal(), environment(RC_CONFIG=str(config), RC_SESSION_ID=None), pytest.raises(Refused) as refusal:
        running_box(args(tmp_path / "s"))
    assert "nonsense" in refusal.value.detail
