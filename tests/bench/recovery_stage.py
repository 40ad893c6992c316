"""kill -9 of the supervisor while its sessions print: how long until clients see new output, and whether all of it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Iterator

from tests.bench.lines import BINARY, CHUNK, Frames, upgrade
from tests.bench.rcbox import HEAD, Box, is_output
from tests.bench.stage import Place, Round, Values
from tests.bench.typing_stages import box_of

RATE = b"@20\n"  # KB/s of ptyprog
GREETING = b"READY\r\n"
LINES = 20  # ptyprog prints its first 1,000 octets over and over when it prints at a rate
PATTERN = b"".join(b"%09d the quick brown fox jumps over lazy dog\r\n" % (n * 7919 % 100000000) for n in range(LINES))
DEADLINE = 20.0  # seconds; a client that has nothing new by then counts as never
RETRY = 0.01  # seconds between two attempts to connect


class Follower:
    """A client of one session that goes on by itself after a cut, and checks every octet."""

    def __init__(self, box: Box, session: str) -> None:
        self.session = session
        self.offset = 0
        self.wrong = 0  # octets missing, doubled or not what was printed
        self.new_at = 0.0  # when the first octet since the last `forget` came
        self._box = box
        self._sock: socket.socket | None = None
        self._frames: Frames | None = None
        self._head = b""

    @property
    def connected(self) -> bool:
        return self._sock is not None

    def fileno(self) -> int:
        assert self._sock is not None
        return self._sock.fileno()

    def forget(self) -> None:
        self.new_at = 0.0

    def connect(self) -> bool:
        """Try once to connect and to ask for all that is missing."""
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(self._box.socket)
            path = f"/v1/code/sessions/{self.session}/stream?terminal_after={self.offset}&catch_up=all"
            sock.sendall(upgrade(path, "rc.v1"))
        except OSError:
            sock.close()
            return False
        sock.setblocking(False)
        self._sock, self._frames, self._head = sock, None, b""
        return True

    def read(self) -> None:
        """Take what has come; a cut leaves it unconnected."""
        data = self._receive()
        if self._frames is None:
            data = self._greet(data)
        for opcode, payload in self._frames.feed(data) if self._frames else []:
            if is_output(opcode, payload):
                self._take(int.from_bytes(payload[1:HEAD], "big"), payload[HEAD:])
            elif opcode != BINARY and b'"terminal_gap"' in payload:
                self.wrong += 1

    def _receive(self) -> bytes:
        assert self._sock is not None
        try:
            data = self._sock.recv(CHUNK)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self.close()
        return data

    def _greet(self, data: bytes) -> bytes:
        """Wait for the answer to the upgrade; what follows it. Without the right one, it is asked again."""
        self._head += data
        head, found, rest = self._head.partition(b"\r\n\r\n")
        if found and head.startswith(b"HTTP/1.1 101"):
            self._frames = Frames()
        elif found:
            self.close()
        return rest if self._frames else b""

    def _take(self, offset: int, data: bytes) -> None:
        self.wrong += abs(offset - self.offset)
        if data != expected(offset, len(data)):
            self.wrong += 1
        self.offset = offset + len(data)
        self.new_at = self.new_at or time.perf_counter()

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()
        self._sock = None


def expected(offset: int, size: int) -> bytes:
    """What ptyprog has printed there."""
    greeting = GREETING[offset : offset + size]
    at = (max(offset, len(GREETING)) - len(GREETING)) % len(PATTERN)
    rest = size - len(greeting)
    return greeting + (PATTERN * (rest // len(PATTERN) + 2))[at : at + rest]


def follow(followers: list[Follower], seconds: float, until_all_new: bool) -> None:
    """Read all followers, connecting those that are not, for so long, or until each has something new."""
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        lost = [each for each in followers if not each.connected and not each.connect()]
        live = [each for each in followers if each.connected]
        for each in select.select(live, [], [], RETRY if lost else 0.1)[0]:
            each.read()
        if until_all_new and all(each.new_at for each in followers):
            return
        if lost:
            time.sleep(RETRY)


@contextlib.contextmanager
def recovery(place: Place) -> Iterator[Round]:
    """Seconds from exec of `rc serve` to a new octet at the last client; octets missing or doubled."""
    with box_of(place, place.new_folder("project"), "--capacity", str(place.scale.sessions)) as box:
        sessions = [box.start() for _ in range(place.scale.sessions)]
        stopped = sessions.pop()["worker_pid"]
        for session in sessions:
            line = box.open_ready(session["id"])
            line.type(RATE)
            line.close()
        followers = [Follower(box, session["id"]) for session in sessions]
        os.kill(stopped, signal.SIGSTOP)

        def round_(_number: int) -> Values:
            follow(followers, 1.0, until_all_new=False)
            box.kill()
            follow(followers, 0.2, until_all_new=False)
            for follower in followers:
                follower.forget()
            begun = time.perf_counter()
            box.exec()
            follow(followers, DEADLINE, until_all_new=True)
            box.wait_ready()
            took = max((each.new_at or float("inf")) - begun for each in followers)
            wrong, seen = sum(each.wrong for each in followers), sum(each.offset for each in followers)
            for follower in followers:
                follower.wrong = 0
            return {"seconds": took, "wrong": float(wrong), "seen": float(seen)}

        try:
            yield round_
        finally:
            for follower in followers:
                follower.close()
            os.kill(stopped, signal.SIGCONT)
