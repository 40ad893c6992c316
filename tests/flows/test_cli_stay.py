"""Sessions that are made and stayed at, programs that are run beside them: `rc` as a process, at a real box."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.supervisor.cli.calling import call
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.web.boxes import ServedBox, serving
from tests.waiting import until


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBox]:
    with serving(tmp_path_factory.mktemp("stay")) as box:
        yield box


@pytest.fixture
def rc(box: ServedBox) -> Rc:
    return Rc(box.socket)


def run(box: ServedBox, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """In a process of its own, because what a session prints goes to the descriptor itself."""
    command = [sys.executable, "-P", "-m", "supervisor", "--box", f"unix:{box.socket}", *words]
    env = {**os.environ, "PYTHONPATH": os.getcwd(), "SHELL": "/bin/sh"}
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=cwd, env=env, check=False, timeout=60
    )


def test_attached_the_exit_is_the_agents(box: ServedBox) -> None:
    done = run(box, "new", "--attach", "--", "sh", "-c", "echo hello; sleep 0.2; exit 7")
    assert done.returncode == 7
    assert "hello" in done.stdout
    assert done.stderr.endswith("exited: exit 7\n")
    assert run(box, "new", "--attach", "--", "sh", "-c", "kill -KILL $$").returncode == 137


def test_run_starts_here_and_gives_its_arguments_to_the_agent(box: ServedBox, rc: Rc, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    done = run(box, "run", "shell", "-c", "pwd; sleep 0.2; exit 3", cwd=place)
    assert done.returncode == 3
    assert str(place) in done.stdout
    assert "serves" in done.stderr
    assert rc("project", "remove", "elsewhere").code == 0
    assert run(box, "run", "no-such-agent", "x").returncode == 78
    assert run(box, "run", "--project", "app", "echo", "x").returncode == 2


def test_run_takes_two_dashes_for_nothing(box: ServedBox) -> None:
    assert run(box, "run", "--project", "app", "shell", "--", "-c", "sleep 0.2; exit 4").returncode == 4


def own(box: ServedBox) -> list[dict[str, Any]]:
    """Sessions that `connect` has made."""
    sessions = box.ask("GET", "/v1/code/sessions").json["sessions"]
    return [session for session in sessions if session["made_by"] == "connect"]


def connect(box: ServedBox, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "supervisor", "--box", f"unix:{box.socket}", "connect", *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_connect_finds_its_own_session_again(box: ServedBox) -> None:
    first = connect(box)
    until(lambda: [session for session in own(box) if session["viewers"]])
    first.terminate()
    assert first.wait(10) == 143
    again = connect(box)
    again.communicate(b"exit 4\n", 30)
    assert again.returncode == 0
    until(lambda: [(session["exit"] or {}).get("code") for session in own(box)] == [4])


def test_connect_makes_another_one_when_its_own_has_ended_or_is_not_wanted(box: ServedBox) -> None:
    for session in own(box):
        box.ask("POST", f"/v1/code/sessions/{session['id']}/stop")
    before = len(own(box))
    for words in ((), ("--new",)):
        process = connect(box, *words)
        until(lambda: [session for session in own(box) if session["viewers"]])
        process.terminate()
        process.wait(10)
        until(lambda: not [session for session in own(box) if session["viewers"]])
    assert len(own(box)) == before + 2


def test_without_a_box_and_a_terminal_it_is_exit_5() -> None:
    command = [sys.executable, "-m", "supervisor", "--state-dir", "/nowhere/at/all", "new"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (5, "rc: no box runs at /nowhere/at/all; start one with: rc serve\n")


def execute(box: ServedBox, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """In a process of its own, because what the program prints goes to the descriptor itself."""
    command = [sys.executable, "-m", "supervisor", "--box", f"unix:{box.socket}", "exec", *words]
    return subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=60)


def test_the_program_runs_where_the_session_works_and_its_code_is_ours(box: ServedBox) -> None:
    made = box.new(agent="echo")
    done = execute(box, made["name"], "--", "sh", "-c", "pwd; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, f"{box.project}\n".encode(), b"")


def test_a_program_that_is_killed_gives_its_signal(box: ServedBox) -> None:
    made = box.new(agent="echo")
    assert execute(box, made["name"], "--", "sh", "-c", "kill -TERM $$").returncode == 128 + signal.SIGTERM


def test_a_pipe_is_its_keyboard_and_its_end_the_end(box: ServedBox) -> None:
    made = box.new(agent="echo")
    for text in (b"whole line\n", b"no line end"):
        done = execute(box, made["name"], "--", "cat", stdin=text)
        assert (done.returncode, done.stdout) == (0, text)


def test_a_pipe_waits_for_a_program_that_reads_later(box: ServedBox) -> None:
    made = box.new(agent="echo")
    text = b"".join(b"%07d\n" % number for number in range(400_000))
    done = execute(box, made["name"], "--", "sh", "-c", "sleep 1; exec sha256sum", stdin=text)
    assert (done.returncode, done.stdout) == (0, hashlib.sha256(text).hexdigest().encode() + b"  -\n")


def test_as_json_it_is_one_value_a_line_and_the_end_the_last(box: ServedBox) -> None:
    made = box.new(agent="echo")
    done = execute(box, made["name"], "--json", "--", "sh", "-c", "printf 'a\\033b'; exit 3")
    *output, end = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, end) == (3, {"type": "exit", "code": 3, "signal": None})
    assert [each["type"] for each in output] == ["terminal"] * len(output) and output[0]["offset"] == 0
    assert b"".join(base64.b64decode(each["data"]) for each in output) == b"a\x1bb"
    missing = execute(box, made["name"], "--json", "--", "no-such-program")
    assert (missing.returncode, json.loads(missing.stderr)["code"]) == (127, "launch_failed")


def test_a_program_that_is_not_there_is_told(box: ServedBox) -> None:
    made = box.new(agent="echo")
    done = execute(box, made["name"], "--", "no-such-program")
    assert done.returncode == 127
    assert b"no-such-program" in done.stderr


def test_one_that_has_ended_is_shown_with_its_end(box: ServedBox, rc: Rc) -> None:
    made = box.new(command=["sh", "-c", "echo hello; exit 7"])
    rc("wait", made["id"], "--until", "exit")
    command = [sys.executable, "-m", "supervisor", "--box", f"unix:{box.socket}", "attach", made["name"]]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert done.stdout == "hello\n"
    assert done.stderr == f"rc: {made['name']} exited: exit 7\n"


def test_a_conversation_is_printed(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    rc("send", made["name"], "hello", "--wait")
    rc("stop", made["name"])
    command = [sys.executable, "-m", "supervisor", "--box", f"unix:{box.socket}", "attach", made["name"]]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.endswith("> owner: hello\nhello\n[exited: stopped]\n")
    assert done.stderr == f"rc: {made['name']} exited: stopped\n"


def test_what_a_box_cannot_start_with_is_exit_78(tmp_path: Path) -> None:
    config = tmp_path / "box.toml"
    config.write_text("nonsense = 1\n")
    state = os.path.join(tmp_path, "s")
    called = call("serve", "--state-dir", state, "--config", str(config), "--json")
    assert called.code == 78
    assert called.out == ""
    assert called.problem["key"] == "nonsense"
    assert called.problem["line"] == 1
