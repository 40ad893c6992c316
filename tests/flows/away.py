"""A worker on another machine: a process that knows nothing but a URL and its exchange, at the end of a bad line."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from supervisor.sessions.strays import end_strays, kill_worker
from tests.flows.boxprocess import RC, BoxProcess
from workers.bundle import Bundle

Dial = Callable[[], socket.socket]


class BadLine:
    """A port of the loopback that leads to the box, until it is cut. `dial` makes the connections to the box."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        self.connections = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """End every connection, in the middle of whatever goes over it."""
        with self._lock:
            for end in self._ends:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self._ends.clear()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = self._dial()
            except OSError:  # no box is there now
                near.close()
                continue
            with self._lock:
                self._ends += [near, far]
                self.connections += 1
            threading.Thread(target=_carry, args=(near, far), daemon=True).start()


def _carry(near: socket.socket, far: socket.socket) -> None:
    with near, far, selectors.DefaultSelector() as selector, contextlib.suppress(OSError):
        selector.register(near, selectors.EVENT_READ, far)
        selector.register(far, selectors.EVENT_READ, near)
        while True:
            for key, _ in selector.select():
                data = key.fileobj.recv(65536)  # type: ignore[union-attr]  # sockets are what we registered
                if not data:
                    return
                key.data.sendall(data)


class AwayWorker:
    """`rc worker`, in a home of its own. Its exchange is in the file `bridge`."""

    def __init__(self, home: Path, url: str) -> None:
        home.mkdir()
        self.home = home
        self.state = home / "state"
        self.bridge = home / "bridge.json"
        self.log = home / "log"
        self._url = url
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(home), "SHELL": "/bin/sh"}
        if "PYTHONPATH" in os.environ:
            self._environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
        self.process: subprocess.Popen[bytes] | None = None

    def exchange(self, box: BoxProcess, session: str) -> dict[str, Any]:
        """A new one, made on the box and carried here."""
        status, answer = box.call("POST", f"/v1/code/sessions/{session}/bridge")
        assert status == 200, answer
        self.bridge.write_text(json.dumps(answer))
        exchange: dict[str, Any] = answer
        return exchange

    def start(self) -> None:
        words = [*RC, "--state-dir", str(self.state), "worker", self._url, "--bridge", str(self.bridge)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(words, cwd=self.home, env=self._environment, stderr=log, stdin=log)

    def kill(self) -> None:
        """By force; the program that it holds runs on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def wait(self, seconds: float = 60.0) -> int:
        assert self.process is not None
        return self.process.wait(seconds)

    def end(self) -> None:
        """Leave nothing running."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        for bundle in self.state.glob("remote/*/*-*-*-*-*"):
            kill_worker(Bundle(str(bundle)))
            end_strays(bundle.parent.name)


@contextlib.contextmanager
def away(home: Path, dial: Dial) -> Iterator[tuple[AwayWorker, BadLine]]:
    """A worker and the line that leads to its box."""
    line = BadLine(dial)
    worker = AwayWorker(home, line.url)
    try:
        yield worker, line
    finally:
        worker.end()
        line.close()


def by_tcp(box: BoxProcess) -> Dial:
    """To the box's own port, which changes as it starts again."""

    def dial() -> socket.socket:
        host, _, port = box.ready["urls"][0].removeprefix("http://").rpartition(":")
        return socket.create_connection((host, int(port)), 5)

    return dial
