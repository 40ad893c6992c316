"""A box on another machine, by HTTPS: everything that `rc` does here, as a paired device."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.flows.people import Person, person
from tests.supervisor.web.boxes import ServedBox, serving
from tests.waiting import until

LEAVE = "\x1dd"
RC = [sys.executable, "-P", "-m", "supervisor"]


class Elsewhere:
    """A box behind TLS, and a home from which it is asked. `port` is the one that everything goes through."""

    def __init__(self, box: ServedBox, home: Path, authority: Path, port: int) -> None:
        self.box = box
        self.home = home
        self.authority = authority
        self.port = port
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RC_")}
        self.environment = {**kept, "HOME": str(home), "PYTHONPATH": os.getcwd()}

    def login(self, name: str, **environment: str) -> str:
        """Pair a device: its id."""
        invitation = self.box.ask("POST", "/v1/pairings", {}).json
        link = f"https://localhost:{self.port}/pair#{invitation['url'].partition('#')[2]}"
        words = [*RC, "--json", "login", "--name", name, "--ca", str(self.authority), link]
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**self.environment, **environment}
        ) as process:
            assert process.stderr is not None
            told = process.stderr.readline()
            digits = re.search(r"--accept ([0-9]{6})", told)
            assert digits, told
            accepted = self.box.ask("POST", f"/v1/pairings/{invitation['id']}/accept", {"number": digits[1]})
            assert accepted.status == 200, accepted
            return str(json.loads(process.communicate(timeout=30)[0])["device"])

    def rc(self, *words: str, input: bytes = b"", box: str = "home") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*RC, "--box", box, *words],
            input=input,
            capture_output=True,
            check=False,
            timeout=60,
            env=self.environment,
            cwd=self.home,
        )

    def json(self, *words: str) -> Any:
        done = self.rc("--json", *words)
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    def following(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*RC, "--box", "home", *words], stdout=subprocess.PIPE, env=self.environment)

    def person(self, *words: str, box: str = "home", rows: int = 24) -> Any:
        return person("--box", box, *words, rows=rows, HOME=str(self.home))

    def viewers(self, name: str) -> int:
        sessions = self.box.ask("GET", "/v1/code/sessions").json["sessions"]
        return next(int(session["viewers"]) for session in sessions if session["name"] == name)

    def shell(self, name: str) -> None:
        self.box.new(command=["sh"], env={"PS1": "ready> ", "ENV": ""}, name=name)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    folder, home = tmp_path_factory.mktemp("tls"), tmp_path_factory.mktemp("home")
    authority, certificate, key = folder / "authority.pem", folder / "certificate.pem", folder / "key.pem"
    made = trustme.CA()
    issued = made.issue_cert("localhost")
    made.cert_pem.write_to_path(authority)
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]  # that it has again after a crash
    words = ["--listen", f"127.0.0.1:{port}", "--tls-cert", str(certificate), "--tls-key", str(key)]
    with serving(tmp_path_factory.mktemp("elsewhere"), *words) as box:
        elsewhere = Elsewhere(box, home, authority, port)
        elsewhere.login("home")
        yield elsewhere


def test_the_box_and_its_sessions_are_shown(elsewhere: Elsewhere) -> None:
    made = elsewhere.json("new", "--name", "shown", "--", "sh", "-c", "echo there; sleep 100")
    assert made["created_by"]["device"] == elsewhere.json("status")["you"]["device"]
    assert [session["name"] for session in elsewhere.json("ls")["sessions"]] == ["shown"]
    assert f"https://localhost:{elsewhere.port}" in elsewhere.rc("status").stdout.decode()
    assert elsewhere.rc("stop", "shown").returncode == 0


def test_prompts_are_sent_and_answers_followed(elsewhere: Elsewhere) -> None:
    elsewhere.json("new", "--agent", "echo", "--name", "talk")
    assert elsewhere.rc("send", "talk", "--wait", "say this").stdout.decode().strip().endswith("say this")
    with elsewhere.following("--json", "logs", "-f", "talk") as following:
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
    (elsewhere.home / "big").write_bytes(big)
    assert elsewhere.rc("cp", "big", "files:copied").returncode == 0
    assert (elsewhere.box.project / "copied").read_bytes() == big
    assert elsewhere.rc("cp", "files:copied", "back").returncode == 0
    assert (elsewhere.home / "back").read_bytes() == big
    elsewhere.rc("stop", "files")


def test_a_refusal_there_is_one_here(elsewhere: Elsewhere) -> None:
    assert elsewhere.rc("show", "no-such-session").returncode == 3
    assert elsewhere.rc("delete", "no-such-session").returncode == 3


def test_a_person_types_resizes_and_leaves(elsewhere: Elsewhere) -> None:
    elsewhere.shell("typing")
    with elsewhere.person("attach", "typing", rows=33) as ana:
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
    elsewhere.shell("dying")
    with elsewhere.person("attach", "dying") as ana:
        ana.sees("ready> ")
        goes_on(ana)
        with elsewhere.following("--json", "logs", "-f", "dying") as following:
            assert following.stdout is not None
            following.stdout.readline()
            elsewhere.box.crash()  # which has forgotten every token and nonce
            until(lambda: elsewhere.viewers("dying") == 2, 20.0)
            goes_on(ana)
            ana.type("exit 5\r")
            ana.sees("exited: exit 5")
            assert b'"exited"' in following.stdout.read()
        assert ana.leaves() == 0


def test_a_conversation_goes_on_behind_a_crash(elsewhere: Elsewhere) -> None:
    elsewhere.json("new", "--agent", "echo", "--name", "chat")
    with elsewhere.person("attach", "chat") as ana:
        ana.type("first words\r")
        for _ in ("typed", "answered"):
            ana.sees("first words\r\n")
        elsewhere.box.crash()
        until(lambda: elsewhere.viewers("chat") == 1, 20.0)
        ana.type("second words\r")
        for _ in ("typed", "answered"):
            ana.sees("second words\r\n")
        ana.type(LEAVE)
        assert ana.leaves() == 0
        assert ana.has_it_back


def test_the_status_screen_is_shown(elsewhere: Elsewhere) -> None:
    with elsewhere.person("top", rows=30) as ana:
        ana.sees("Capacity: ")
        ana.type("q")
        assert ana.leaves() == 0


def test_a_device_that_is_revoked_is_out_at_once(elsewhere: Elsewhere) -> None:
    device = elsewhere.login("other")
    elsewhere.shell("revoked")
    with (
        elsewhere.person("attach", "revoked", box="other") as ana,
        elsewhere.person("top", box="other") as top,
        elsewhere.person("logs", "-f", "revoked", box="other") as reader,
    ):
        ana.sees("ready> ")
        top.sees("Capacity: ")
        reader.sees("running")
        assert elsewhere.box.ask("DELETE", f"/v1/devices/{device}").status == 200
        ana.sees("this device has been revoked at the box; pair it anew: rc login URL")
        assert ana.leaves() == 4
        assert ana.has_it_back
        assert top.leaves() == 4
        assert reader.leaves() == 4
    done = elsewhere.rc("ls", box="other")
    assert done.returncode == 4
    assert b"does not know this device" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_certificate_that_nobody_vouches_for_is_not_taken(elsewhere: Elsewhere) -> None:
    done = subprocess.run(
        [*RC, "login", f"https://localhost:{elsewhere.port}/pair#{'A' * 43}.{'A' * 43}"],
        capture_output=True,
        env=elsewhere.environment,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 5
    assert b"is not trusted" in done.stderr
    assert b"--ca FILE" in done.stderr


def test_a_network_that_swallows_everything_is_noticed_and_left(elsewhere: Elsewhere) -> None:
    elsewhere.shell("swallowed")
    with Swallowing(elsewhere.port) as between:
        elsewhere.rc("box", "add", "far", "ssh://unused")
        boxes = elsewhere.home / ".config" / "rc" / "boxes.toml"
        before = boxes.read_text()
        boxes.write_text(before.replace(f":{elsewhere.port}", f":{between.port}"))
        try:
            with elsewhere.person("attach", "swallowed") as ana:
                ana.sees("ready> ")
                between.swallows = True
                ana.type(LEAVE)
                ana.sees("rc: detached")
                assert ana.leaves() == 0
        finally:
            boxes.write_text(before)


class Swallowing:
    """Passes everything on to a port of the loopback, until it `swallows`."""

    def __init__(self, port: int) -> None:
        self.swallows = False
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Swallowing:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        for each in self._open:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                ours, _ = self._listener.accept()
            except OSError:
                return
            theirs = socket.create_connection(("127.0.0.1", self._to))
            self._open += [ours, theirs]
            for source, target in ((ours, theirs), (theirs, ours)):
                threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if not self.swallows:
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return


def test_ctrl_c_while_following_is_130(elsewhere: Elsewhere) -> None:
    elsewhere.box.new(command=["sleep", "100"], name="followed")
    with elsewhere.following("--json", "logs", "-f", "followed") as following:
        assert following.stdout is not None
        following.stdout.readline()
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 130


def test_a_box_that_cannot_be_reached_is_exit_5(elsewhere: Elsewhere, tmp_path: Path) -> None:
    boxes = elsewhere.home / ".config" / "rc" / "boxes.toml"
    before = boxes.read_text()
    boxes.write_text(before.replace(f":{elsewhere.port}", ":1"))
    try:
        done = elsewhere.rc("ls")
    finally:
        boxes.write_text(before)
    assert done.returncode == 5
    assert b"nobody listens there" in done.stderr
    assert done.stderr.count(b"\n") == 1
