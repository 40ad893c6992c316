"""Real parts for tests of workers: a zygote, bundles, and a synchronous supervisor's end of the link."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervisor.sessions.launcher import start_zygote
from supervisor.sessions.strays import end_strays, kill_worker
from tests.waiting import until
from workers.bundle import Bundle
from workers.core.spec import Spec
from workers.core.wire import WIRE_VERSION, Frame, Kind, Reader, json_frame, proof, proven
from workers.errors import Broken
from workers.journalread import read_terminal

SECONDS = 10.0
LITTLE = 4096  # octets of output


class Zygote:
    """A real one, started as the product does it."""

    def __init__(self) -> None:
        self.process, self.control = start_zygote()
        self.control.setblocking(True)

    def wish(self, wish: object, handed: socket.socket | None = None) -> None:
        socket.send_fds(self.control, [json.dumps(wish).encode()], [handed.fileno()] if handed else [])

    def close(self) -> None:
        """End it; what it forked goes on."""
        self.control.close()
        self.process.wait(SECONDS)


class Workers:
    """Sessions under one folder, each with a worker forked from a zygote."""

    def __init__(self, zygote: Zygote, folder: Path) -> None:
        self.zygote = zygote
        self.folder = folder
        self.bundles: list[Bundle] = []

    def launch(self, *argv: str, resume: Bundle | None = None, **fields: Any) -> Bundle:
        """A worker for this command (none: the agent inside the product)."""
        bundle = resume or self.bundle(*argv, **fields)
        self.zygote.wish({"do": "worker", "bundle": bundle.directory, "resume": resume is not None})
        return bundle

    def bundle(self, *argv: str, **fields: Any) -> Bundle:
        session = f"session_{uuid.uuid4()}"
        (self.folder / "tree").mkdir(exist_ok=True)
        known: dict[str, Any] = {
            "id": session,
            "name": "one",
            "agent": "shell",
            "adapter": "terminal" if argv else "echo",
            "argv": argv,
            "env": {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "RC_SESSION_ID": session},
            "workspace": str(self.folder / "tree"),
            "project": "app",
            "project_path": str(self.folder / "tree"),
            "spawn_mode": "same-dir",
            "created_at": "2026-01-01T00:00:00.000Z",
            "person": "owner",
        }
        bundle = Bundle.create(str(self.folder / session), Spec(**{**known, **fields}))
        self.bundles.append(bundle)
        return bundle

    def run(self, *argv: str, **fields: Any) -> tuple[Bundle, Supervisor]:
        """A session whose agent runs, and its link."""
        bundle = self.launch(*argv, **fields)
        return bundle, adopted(bundle)

    def close(self) -> None:
        for bundle in self.bundles:
            end_worker(bundle)


_LINKS: dict[str, list[socket.socket]] = {}  # by bundle: those that a test has opened, and need not close


def end_worker(bundle: Bundle) -> None:
    """Leave neither the worker nor anything that its program started."""
    for link in _LINKS.pop(bundle.directory, []):
        link.close()
    kill_worker(bundle)
    until(lambda: is_free(bundle))
    end_strays(os.path.basename(bundle.directory))


def is_free(bundle: Bundle) -> bool:
    """Whether nobody holds the bundle's lock."""
    lock = bundle.try_lock()
    if lock is None:
        return False
    os.close(lock)
    return True


class Supervisor:
    """The supervisor's end of one link; every wait has a deadline."""

    def __init__(self, bundle: Bundle, epoch: int = 1, name: str = "us", key: bytes | None = None) -> None:
        self.socket = until(lambda: connect(bundle))
        _LINKS.setdefault(bundle.directory, []).append(self.socket)
        self.socket.settimeout(SECONDS)
        self._reader = Reader()
        self._ahead: list[Frame] = []
        self._number = 0
        self.events: list[dict[str, Any]] = []
        self.output = bytearray()
        self.output_start: int | None = None
        self._directory = bundle.directory
        self.progress: list[int] = []
        self.welcome = self._shake_hands(bundle, epoch, name, key or bundle.key())

    def _shake_hands(self, bundle: Bundle, epoch: int, name: str, key: bytes) -> dict[str, Any]:
        challenge = self.next_frame()
        assert challenge.kind is Kind.CHALLENGE
        nonces = (challenge.json()["nonce"], secrets.token_hex(16))
        session = bundle.spec().id
        mac = proof(key, "supervisor", nonces, epoch, name, session)
        hello = {"version": WIRE_VERSION, "epoch": epoch, "supervisor": name, "nonce": nonces[1], "mac": mac}
        self.send(json_frame(Kind.HELLO, hello))
        answer = self.next_frame()
        if answer.kind is Kind.STALE:
            raise Stale(answer.json()["epoch"])
        welcome: dict[str, Any] = answer.json()
        assert proven(welcome["mac"], key, "worker", nonces, epoch, name, session)
        return welcome

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.welcome["state"]
        return state

    def send(self, frame: Frame) -> None:
        self.socket.sendall(frame.encode())

    def next_frame(self) -> Frame:
        while not self._ahead:
            data = self.socket.recv(1 << 18)
            if not data:
                self.socket.close()
                raise Broken("the worker closed the line")
            self._ahead = self._reader.feed(data)
        return self._ahead.pop(0)

    def take(self, frame: Frame) -> None:
        """Keep what the worker tells."""
        if frame.kind is Kind.EVENT:
            self.events.append({"seq": frame.number, **json.loads(frame.payload[8:])})
        elif frame.kind is Kind.LIVE:
            self.output_start = frame.number
            self.output.clear()
        elif frame.kind is Kind.OUTPUT:
            assert self.output_start is not None
            assert frame.number == self.output_start + len(self.output)
            self.output += frame.payload
        elif frame.kind is Kind.PROGRESS:
            self.progress.append(frame.number)
        else:
            raise AssertionError(frame)

    def hear_until(self, condition: Callable[[], Any]) -> None:
        """Take what comes until `condition` holds."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, (self.events, bytes(self.output[-400:]))
            self.take(self.next_frame())

    def hear_rest(self) -> None:
        """Take what comes until the worker closes the line."""
        with contextlib.suppress(Broken, ConnectionError):
            while True:
                self.take(self.next_frame())

    def request(self, kind: Kind, value: object) -> dict[str, Any]:
        self._number += 1
        self.send(json_frame(kind, value, self._number))
        while (frame := self.next_frame()).kind is not Kind.ANSWER:
            self.take(frame)
        assert frame.number == self._number
        answer: dict[str, Any] = frame.json()
        return answer

    def command(self, kind: str, **fields: Any) -> dict[str, Any]:
        by = {"person": "ana", "device": None}
        return self.request(Kind.COMMAND, {"command": {"kind": kind, **fields}, "by": by, "origin": "person"})

    def look(self) -> None:
        """From here on output comes; what little a program has printed by now is read from the journal."""
        self.send(Frame(Kind.UNMUTE))
        self.hear_until(lambda: self.output_start is not None)
        if 0 < (self.output_start or 0) < LITTLE:
            self.output[:0] = read_terminal(self._directory, 0).data[: self.output_start]
            self.output_start = 0

    def type(self, data: bytes) -> None:
        self.send(Frame(Kind.KEYS, 0, data))

    def see(self, text: bytes) -> None:
        self.hear_until(lambda: text in self.output)

    def updates(self, kind: str) -> list[dict[str, Any]]:
        return [e["update"] for e in self.events if e["update"]["sessionUpdate"] == kind]

    def states(self) -> list[str]:
        return [update["state"] for update in self.updates("_rc/process")]

    def hear_state(self, state: str) -> dict[str, Any]:
        """The event that says so, once it has come."""
        self.hear_until(lambda: state in self.states())
        return next(update for update in self.updates("_rc/process") if update["state"] == state)

    def is_silent(self, seconds: float = 0.0) -> bool:
        return not self._ahead and not select.select([self.socket], [], [], seconds)[0]

    def close(self) -> None:
        self.socket.close()


class Stale(Exception):
    """The worker has a supervisor of a later epoch."""


def connect(bundle: Bundle) -> socket.socket | None:
    try:
        return bundle.connect()
    except OSError:
        return None


def adopted(bundle: Bundle, **fields: Any) -> Supervisor:
    """The link to a worker whose agent runs: `WELCOME` or the events say so."""
    supervisor = until(lambda: _try_to_adopt(bundle, fields))
    if supervisor.state["state"] == "starting":
        supervisor.hear_state("running")
    return supervisor


def _try_to_adopt(bundle: Bundle, fields: dict[str, Any]) -> Supervisor | None:
    try:
        return Supervisor(bundle, **fields)
    except (Broken, ConnectionError):  # an earlier worker was just on its way out
        return None
