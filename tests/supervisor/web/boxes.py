"""A whole box in a process of its own, for tests of the API: started by `rc serve`, asked over its Unix socket."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.waiting import until

READY_SECONDS = 20.0  # on a machine that runs other tests too


@dataclass(frozen=True)
class Answer:
    """One response, whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem object that also arrived as one."""
        assert self.headers["content-type"] == "application/problem+json", self
        assert self.json["status"] == self.status, self
        code: str = self.json["code"]
        return code


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class ServedBox:
    """A box that runs, in `directory`. `project` is a git repository that it serves."""

    def __init__(self, directory: Path, options: tuple[str, ...]) -> None:
        self.state_dir = directory / "s"
        self.project = directory / "app"
        self.log = directory / "log"
        words = ["serve", "--state-dir", str(self.state_dir), "--listen", "127.0.0.1:0", "--no-create-session-in-dir"]
        self._command = [sys.executable, "-m", "supervisor", *words, *options]
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        env = {**os.environ, "SHELL": "/bin/sh"}  # whatever somebody's login shell reads first is not ours to wait for
        with open(self.log, "ab") as log:
            return subprocess.Popen(self._command, cwd=self.project, env=env, stderr=log, stdin=subprocess.DEVNULL)

    def crash(self) -> None:
        """Kill the supervisor and start it anew."""
        self.process.kill()
        self.process.wait()
        self.process = self._start()
        until(self.answers, READY_SECONDS)

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.ask("GET", "/healthz").status == 200
        except OSError:
            return False

    @property
    def socket(self) -> str:
        return str(self.state_dir / "rc.sock")

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        """One request on a connection of its own; `body` goes as JSON, `raw` as it is."""
        connection = _Connection(self.socket)
        data = raw if raw is not None else (None if body is None else json.dumps(body).encode())
        named = {"content-type": "application/json"} if data is not None else {}
        try:
            connection.request(method, path, data, {**named, **(headers or {})})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def new(self, **fields: object) -> dict[str, Any]:
        """A new session."""
        answer = self.ask("POST", "/v1/code/sessions", fields)
        assert answer.status == 201, answer
        made: dict[str, Any] = answer.json
        return made

    def session(self, id: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.ask("GET", f"/v1/code/sessions/{id}").json
        return shown


@contextlib.contextmanager
def serving(directory: Path, *options: str) -> Iterator[ServedBox]:
    """A box with one project and no sessions; at the end everything that it started is ended."""
    project = directory / "app"
    project.mkdir()
    git(project, "init", "-q", "-b", "main")
    (project / "a.txt").write_text("one\n")
    git(project, "add", "a.txt")
    git(project, "commit", "-q", "-m", "begin")
    box = ServedBox(directory, options)
    try:
        until(box.answers, READY_SECONDS)
        yield box
    finally:
        with contextlib.suppress(OSError, http.client.HTTPException):
            box.ask("POST", "/v1/shutdown", {"sessions": True})
        try:
            box.process.wait(READY_SECONDS)
        finally:
            box.process.kill()
            box.process.wait()


def git(directory: Path, *words: str) -> str:
    """One git command with nobody's configuration."""
    env = {"PATH": os.environ["PATH"], "HOME": str(directory), "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *who, *words], cwd=directory, env=env, check=True, capture_output=True, text=True)
    return done.stdout
