"""The worker's end of a link as far as its tests see it: no agent, and a loop that runs only when it is told to."""

from __future__ import annotations

import os
import selectors
import socket
from pathlib import Path
from typing import Any

from workers.bundle import Bundle
from workers.core.spec import Spec
from workers.core.wire import WIRE_VERSION, Frame, Kind, Reader, json_frame, proof
from workers.errors import Broken, Refused
from workers.linkserver import LinkServer, Ticket

SPEC = Spec("session_1", "one", "shell", "terminal", ("sh",), {}, "/", "app", "/", "same-dir", "", None)


class Worker:
    """A worker's inside as far as the link sees it, and a loop that runs only when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.bundle = Bundle.create(str(folder / "b"), SPEC)
        self.selector = selectors.DefaultSelector()
        self.links = LinkServer(self.selector, self.bundle.key(), SPEC.id, 0, self)
        self.peers: list[socket.socket] = []
        self.inside: set[int] = set()
        self.keys = b""
        self.waiting = False  # whether keys wait for the program
        self.terminal = -1
        self.rest = 0.0
        self.commands: list[tuple[Ticket, Any]] = []
        home = os.getcwd()
        os.chdir(self.bundle.directory)
        try:
            self.links.listen()
        finally:
            os.chdir(home)

    def is_inside(self, pid: int) -> bool:
        return pid in self.inside

    def welcome(self, epoch: int) -> dict[str, Any]:
        return {"state": "running", "for": epoch}

    def take_keys(self, data: bytes) -> None:
        self.keys += data

    @property
    def typed(self) -> bool:
        return not self.waiting

    def pace(self, rest: float) -> None:
        self.rest = rest

    def take_command(self, ticket: Ticket, value: Any) -> None:
        if value == "no":
            raise Refused("invalid", "not this", "try that")
        self.commands.append((ticket, value))

    def take_snapshot(self, ticket: Ticket, value: Any) -> None:
        self.links.answer(ticket, {"parts": [], "live_at": value["want"]})

    def serve(self) -> None:
        """Do what there is to do, and no more."""
        while ready := self.selector.select(0):
            for key, mask in ready:
                if self.selector.get_map().get(key.fd) is key:
                    key.data(mask)

    def close(self) -> None:
        for key in list(self.selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self.selector.close()
        for peer in self.peers:
            peer.close()


class Peer:
    """Somebody who connects; `frames` is what has come."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.socket = worker.bundle.connect()
        worker.peers.append(self.socket)
        self.socket.setblocking(False)
        self._reader = Reader()
        worker.serve()

    def frames(self) -> list[Frame]:
        """What has come; raises Broken when the worker has closed the line."""
        self.worker.serve()
        found: list[Frame] = []
        while True:
            try:
                data = self.socket.recv(1 << 18)
            except BlockingIOError:
                return found
            except ConnectionError:
                data = b""
            if not data and found:
                return found
            if not data:
                raise Broken("closed")
            found += self._reader.feed(data)
            self.worker.serve()

    def is_closed(self) -> bool:
        try:
            self.frames()
            self.frames()  # the first may have given what came before the end
        except Broken:
            return True
        return False

    def say(self, *frames: Frame) -> None:
        self.socket.sendall(b"".join(frame.encode() for frame in frames))
        self.worker.serve()

    def hello(self, epoch: int = 1, name: str = "us", key: bytes | None = None) -> list[Frame]:
        """Shake hands: what the worker said to it."""
        (challenge,) = self.frames()
        nonces = (challenge.json()["nonce"], "n")
        mac = proof(key or self.worker.bundle.key(), "supervisor", nonces, epoch, name, SPEC.id)
        told = {"version": WIRE_VERSION, "epoch": epoch, "supervisor": name, "nonce": "n", "mac": mac}
        self.say(json_frame(Kind.HELLO, told))
        return self.frames()

    def kinds(self) -> list[tuple[Kind, int]]:
        return [(frame.kind, frame.number) for frame in self.frames()]
