"""A box on another machine, by ssh: everything that `rc` does here, through a real sshd."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.people import Person, person
from tests.sshserver import SshServer, ssh_server
from tests.supervisor.web.boxes import ServedBox, serving
from tests.waiting import until

LEAVE = "\x1dd"


class Elsewhere:
    """The box, and the way to it."""

    def __init__(self, box: ServedBox, server: SshServer, here: Path) -> None:
        self.box = box
        self.server = server
        self.here = here
        self.words = ("--box", server.url)
        self.environment = {**os.environ, "PATH": server.path, "PYTHONPATH": os.getcwd()}

    def rc(self, *words: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-P", "-m", "supervisor", *self.words, *words]
        return subprocess.run(
            command, input=input, capture_output=True, check=False, timeout=60, env=self.environment, cwd=self.here
        )

    def json(self, *words: str, input: bytes = b"") -> Any:
        done = self.rc("--json", *words, input=input)
        assert done.returncode == 0, done
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    folder, here = tmp_path_factory.mktemp("ssh"), tmp_path_factory.mktemp("here")
    with serving(tmp_path_factory.mktemp("elsewhere")) as box:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        with ssh_server(folder, f"SetEnv PATH={path} RC_STATE_DIR={box.state_dir}") as server:
            yield Elsewhere(box, server, here)


def test_the_box_and_its_sessions_are_shown(elsewhere: Elsewhere) -> None:
    made = elsewhere.json("new", "--name", "shown", "--", "sh", "-c", "echo there; sleep 100")
    assert made["workspace"] == str(elsewhere.box.project)
    assert [session["name"] for session in elsewhere.json("ls")["sessions"]] == ["shown"]
    assert elsewhere.server.url in elsewhere.rc("status").stdout.decode()
    assert elsewhere.json("show", "shown")["id"] == made["id"]
    assert elsewhere.rc("stop", "shown").returncode == 0


def test_prompts_are_sent_and_answers_followed(elsewhere: Elsewhere) -> None:
    elsewhere.json("new", "--agent", "echo", "--name", "talk")
    assert elsewhere.rc("send", "talk", "--wait", "say this").stdout.decode().strip().endswith("say this")
    command = [sys.executable, "-P", "-m", "supervisor", *elsewhere.words, "logs", "-f", "talk", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=elsewhere.environment) as following:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())["seq"] == 1
        elsewhere.rc("stop", "talk")
        events = [json.loads(line) for line in following.stdout]
    assert events[-1]["update"]["sessionUpdate"] == "_rc/process"
    assert elsewhere.rc("wait", "talk", "--until", "exit").returncode == 0


def test_programs_run_there_and_files_go_both_ways(elsewhere: Elsewhere) -> None:
    elsewhere.json("new", "--name", "files", "--", "sleep", "100")
    done = elsewhere.rc("exec", "files", "--", "sh", "-c", "cat; exit 3", input=b"piped\n")
    assert (done.returncode, done.stdout.replace(b"\r", b"")) == (3, b"piped\n")
    big = os.urandom(1 << 20)
    (elsewhere.here / "big").write_bytes(big)
    assert elsewhere.rc("cp", "big", "files:copied").returncode == 0
    assert (elsewhere.box.project / "copied").read_bytes() == big
    assert elsewhere.rc("cp", "files:copied", "back").returncode == 0
    assert (elsewhere.here / "back").read_bytes() == big
    elsewhere.rc("stop", "files")


def test_a_path_on_this_machine_is_not_taken_for_one_there(elsewhere: Elsewhere) -> None:
    (elsewhere.here / "app").mkdir(exist_ok=True)
    refused = elsewhere.rc("new", "--project", "app/", "--json")
    assert json.loads(refused.stderr)["code"] == "unknown_project"
    assert elsewhere.json("project", "add", str(elsewhere.box.project))["path"] == str(elsewhere.box.project)


def test_a_refusal_there_is_one_here(elsewhere: Elsewhere) -> None:
    assert elsewhere.rc("show", "no-such-session").returncode == 3
    assert elsewhere.rc("capacity", "0").returncode == 2


def attached(elsewhere: Elsewhere, name: str, *words: str, rows: int = 24) -> Any:
    elsewhere.box.new(command=["sh"], env={"PS1": "ready> ", "ENV": ""}, name=name)
    return person(*elsewhere.words, "attach", name, *words, rows=rows, PATH=elsewhere.server.path)


def test_a_person_types_resizes_and_leaves(elsewhere: Elsewhere) -> None:
    with attached(elsewhere, "typing", rows=33) as ana:
        ana.sees("ready> ")
        ana.type("stty size; echo $((40 + 2))\r")
        ana.sees("33 80")
        ana.sees("42\r\n")
        ana.resize(20, 70)
        until(lambda: elsewhere.json("show", "typing")["terminal"]["rows"] == 20)
        ana.type(LEAVE)
        ana.sees("rc: detached")
        assert ana.leaves() == 0
        assert ana.has_it_back


def test_the_exit_is_the_agents(elsewhere: Elsewhere) -> None:
    done = elsewhere.rc("new", "--attach", "--", "sh", "-c", "echo hello; exit 7")
    assert (done.returncode, b"hello" in done.stdout) == (7, True)


def goes_on(ana: Person) -> None:
    ana.type("echo still-$((1))-here\r")
    ana.sees("still-1-here\r\n")


def test_a_supervisor_that_dies_is_waited_for(elsewhere: Elsewhere) -> None:
    with attached(elsewhere, "dying") as ana:
        ana.sees("ready> ")
        goes_on(ana)
        elsewhere.box.crash()
        until(lambda: elsewhere.box.session(_id(elsewhere, "dying"))["viewers"] == 1, 20.0)
        goes_on(ana)
        ana.type("exit 5\r")
        ana.sees("exited: exit 5")
        assert ana.leaves() == 0


def test_a_network_that_is_cut_is_waited_for(elsewhere: Elsewhere) -> None:
    with attached(elsewhere, "cut") as ana:
        ana.sees("ready> ")
        assert elsewhere.server.cut() > 0
        ana.sees("reconnecting…")
        elsewhere.server.start()
        until(lambda: elsewhere.box.session(_id(elsewhere, "cut"))["viewers"] == 1, 20.0)
        goes_on(ana)
        ana.type(LEAVE)
        assert ana.leaves() == 0


def _id(elsewhere: Elsewhere, name: str) -> str:
    sessions = elsewhere.box.ask("GET", "/v1/code/sessions").json["sessions"]
    return str(next(session["id"] for session in sessions if session["name"] == name))


def test_the_status_screen_is_shown(elsewhere: Elsewhere) -> None:
    with person(*elsewhere.words, "top", rows=30, columns=110, PATH=elsewhere.server.path) as ana:
        ana.sees("Capacity: ")
        ana.type("q")
        assert ana.leaves() == 0


def test_ctrl_c_while_following_is_130(elsewhere: Elsewhere) -> None:
    elsewhere.box.new(command=["sleep", "100"], name="followed")
    command = [sys.executable, "-P", "-m", "supervisor", *elsewhere.words, "logs", "-f", "followed", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=elsewhere.environment) as following:
        assert following.stdout is not None
        following.stdout.readline()
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 130


def test_a_machine_that_cannot_be_reached_is_exit_5(elsewhere: Elsewhere) -> None:
    done = elsewhere.rc("--box", "ssh://127.0.0.1:1", "ls")
    assert done.returncode == 5
    assert done.stderr.count(b"\n") == 1
    assert b"Connection refused" in done.stderr


def test_connections_that_ssh_shares_are_the_askers_choice(elsewhere: Elsewhere, tmp_path: Path) -> None:
    settings = elsewhere.server.settings
    before, path = settings.read_text(), tmp_path / "shared"
    settings.write_text(f"{before}ControlMaster auto\nControlPath {path}\nControlPersist 60\n")
    try:
        assert elsewhere.rc("ls").returncode == 0
        assert path.is_socket()
        done = elsewhere.rc("new", "--attach", "--", "sh", "-c", "echo hello; exit 7")
        assert (done.returncode, b"hello" in done.stdout) == (7, True)
        words = ["ssh", "-O", "exit", "-p", str(elsewhere.server.port), "127.0.0.1"]
        subprocess.run(words, env=elsewhere.environment, check=True, capture_output=True)
        assert elsewhere.rc("ls").returncode == 0
    finally:
        words = ["ssh", "-O", "exit", "-p", str(elsewhere.server.port), "127.0.0.1"]
        subprocess.run(words, env=elsewhere.environment, check=False, capture_output=True)
        settings.write_text(before)
