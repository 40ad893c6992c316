"""The product under measurement: `rc serve` as a process, driven over rc.sock like any script would."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bench import meters
from tests.bench.lines import BINARY, PATIENCE, TEXT, WebSocket, frame
from tests.bench.scale import COLUMNS, ROWS

START_SECONDS = 30.0
OUTPUT = 0x01  # the first octet of a binary frame that carries terminal output, and of one that carries keys
HEAD = 9  # it and the offset


class UnixConnection(http.client.HTTPConnection):
    """HTTP over rc.sock."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self._path)


class Box:
    """A box of our own in `folder`, which serves `project`. `serve` starts its supervisor, `close` ends all of it."""

    def __init__(self, folder: Path, project: Path, program: str, *options: str) -> None:
        self.state = folder / "state"
        self.socket = str(self.state / "rc.sock")
        self._log = folder / "log"
        self._project = project
        self._program = program
        rc = [str(Path(sys.executable).parent / "rc"), "serve", str(project), "--state-dir", str(self.state)]
        self._command = [*rc, "--json", "--no-create-session-in-dir", "--listen", "127.0.0.1:0", *options]
        self._server: subprocess.Popen[bytes] | None = None

    # The supervisor

    def serve(self) -> None:
        """Start a supervisor; it is ready when this returns."""
        self.exec()
        self.wait_ready()

    def exec(self) -> None:
        """Start a supervisor, without waiting for it."""
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                self._command, cwd=self._project, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
            )

    def wait_ready(self) -> None:
        assert self._server is not None
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        assert line, f"rc serve did not become ready:\n{self._log.read_text()[-2000:]}"
        assert json.loads(line)["ready"]

    @property
    def supervisor(self) -> int:
        assert self._server is not None
        return self._server.pid

    @property
    def zygotes(self) -> list[int]:
        return meters.children(self.supervisor)

    def kill(self) -> None:
        """kill -9 of the supervisor, and nothing else."""
        assert self._server is not None
        assert self._server.stdout is not None
        self._server.kill()
        self._server.wait()
        self._server.stdout.close()
        self._server = None

    def close(self) -> None:
        """End every session and the supervisor; nothing of them runs afterwards."""
        if self._server is None or self._server.stdout is None:
            return
        workers: list[int] = []
        with contextlib.suppress(OSError, http.client.HTTPException):
            workers = [each["worker_pid"] for each in self.sessions() if each["worker_pid"]]
            self.request("POST", "/v1/shutdown", {"sessions": True})
        try:
            self._server.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._server.stdout.close()
        self._server = None
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # Sessions

    def request(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """One request on a connection of its own: status and answer."""
        connection = UnixConnection(self.socket)
        try:
            return exchange(connection, method, path, body)
        finally:
            connection.close()

    def start(self) -> dict[str, Any]:
        """A session with ptyprog in its terminal."""
        status, session = self.request("POST", "/v1/code/sessions", self.wish())
        assert status == 201, session
        found: dict[str, Any] = session
        return found

    def wish(self) -> dict[str, Any]:
        """The body that asks for such a session."""
        return {"command": [self._program], "rows": ROWS, "columns": COLUMNS}

    def sessions(self) -> list[dict[str, Any]]:
        status, answer = self.request("GET", "/v1/code/sessions")
        assert status == 200, answer
        found: list[dict[str, Any]] = answer["sessions"]
        return found

    def stop(self, session: str) -> None:
        """End a session."""
        status, answer = self.request("POST", f"/v1/code/sessions/{session}/stop")
        assert status == 200, answer

    def open(self, session: str, query: str = "terminal_after=0") -> WebSocket:
        """A connection to a session's stream; all output from the beginning, unless `query` says otherwise."""
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.socket)
        return WebSocket(sock, f"/v1/code/sessions/{session}/stream?{query}", "rc.v1", keys_frame, is_output)

    def open_ready(self, session: str) -> WebSocket:
        """The same, once the program has said that it is ready."""
        line = self.open(session)
        line.echo()
        return line


def exchange(connection: http.client.HTTPConnection, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """One request on a connection that is kept."""
    text = None if body is None else json.dumps(body)
    connection.request(method, path, text, {"Content-Type": "application/json"} if text else {})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read() or b"null")


def keys_frame(keys: bytes) -> bytes:
    return frame(BINARY, bytes([OUTPUT]) + keys)


def is_output(opcode: int, payload: bytes) -> bool:
    return opcode == BINARY and payload[0] == OUTPUT and len(payload) > HEAD


def command_frame(number: int, command: dict[str, Any]) -> bytes:
    return frame(TEXT, json.dumps({"type": "command", "id": str(number), "command": command}).encode())
