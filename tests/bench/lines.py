"""The client: the same few lines of raw sockets for every server, so that what differs is the server."""

from __future__ import annotations

import os
import select
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Protocol

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
CHUNK = 256 << 10  # octets asked for at a time
PATIENCE = 120.0  # seconds without anything before a measurement is broken off
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # any 16 octets; nothing here depends on them
END = b"<END><END>"  # ptyprog prints it when it has written what was asked for


class Silent(Exception):
    """A server did not answer in time, or hung up."""


class Line(Protocol):
    """One terminal on one server."""

    def fileno(self) -> int: ...
    def type(self, keys: bytes) -> None: ...

    def echo(self) -> None:
        """Wait for output of the terminal."""

    def gulp(self) -> bytes:
        """Whatever there is now, as it came; nothing is taken apart. Raises Silent at the end."""

    def close(self) -> None: ...


def frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame. The mask is zero, which leaves the payload as it is."""
    size = len(payload)
    if size < 126:
        head = struct.pack(">BB", 0x80 | opcode, 0x80 | size)
    elif size < 65536:
        head = struct.pack(">BBH", 0x80 | opcode, 0xFE, size)
    else:
        head = struct.pack(">BBQ", 0x80 | opcode, 0xFF, size)
    return head + bytes(4) + payload


def upgrade(path: str, protocol: str | None) -> bytes:
    """The request that makes a connection a WebSocket."""
    wanted = f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{wanted}\r\n"
    ).encode()


class Frames:
    """Cuts what a server sends into frames."""

    def __init__(self, rest: bytes = b"") -> None:
        self._buffer = bytearray(rest)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        self._buffer += data
        found = []
        while (cut := self._one()) is not None:
            found.append(cut)
        return found

    def _one(self) -> tuple[int, bytes] | None:
        if len(self._buffer) < 2:
            return None
        size, at = self._buffer[1] & 0x7F, 2
        if size >= 126:
            width = 2 if size == 126 else 8
            at += width
            size = int.from_bytes(self._buffer[2:at], "big")
        if len(self._buffer) < at or len(self._buffer) < at + size:
            return None
        payload = bytes(memoryview(self._buffer)[at : at + size])
        opcode = self._buffer[0] & 0x0F
        del self._buffer[: at + size]
        return opcode, payload


class WebSocket:
    """A WebSocket to a terminal. `key` makes a frame of keys; `is_output` knows the frames that carry output."""

    def __init__(
        self,
        sock: socket.socket,
        path: str,
        protocol: str | None,
        key: Callable[[bytes], bytes],
        is_output: Callable[[int, bytes], bool],
    ) -> None:
        self.sock = sock
        self._key = key
        self._is_output = is_output
        sock.settimeout(PATIENCE)
        sock.sendall(upgrade(path, protocol))
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._receive()
        answer, rest = head.split(b"\r\n\r\n", 1)
        if not answer.startswith(b"HTTP/1.1 101"):
            raise Silent(answer.decode(errors="replace"))
        self._frames = Frames(rest)
        self.early = self._frames.feed(b"")

    def fileno(self) -> int:
        return self.sock.fileno()

    def type(self, keys: bytes) -> None:
        self.sock.sendall(self._key(keys))

    def echo(self) -> None:
        while not any(self._is_output(*each) for each in self.read()):
            pass

    def read(self) -> list[tuple[int, bytes]]:
        """The next frames. Pings are answered."""
        if self.early:
            early, self.early = self.early, []
            return early
        found = self._frames.feed(self._receive())
        for opcode, payload in found:
            if opcode == PING:
                self.sock.sendall(frame(PONG, payload))
        return found

    def gulp(self) -> bytes:
        if self.early:
            return b"".join(payload for _, payload in self.read())
        return self._receive()

    def close(self) -> None:
        self.sock.close()

    def _receive(self) -> bytes:
        try:
            data = self.sock.recv(CHUNK)
        except TimeoutError as error:
            raise Silent("no answer") from error
        if not data:
            raise Silent("hung up")
        return data


class Pipes:
    """A terminal at the other end of a program's standard input and output."""

    def __init__(self, command: Sequence[str]) -> None:
        self._program = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._keys, self._output = self._program.stdin, self._program.stdout

    def fileno(self) -> int:
        return self._output.fileno()

    def type(self, keys: bytes) -> None:
        self._keys.write(keys)

    def echo(self) -> None:
        self.gulp()

    def gulp(self) -> bytes:
        if not select.select([self._output], [], [], PATIENCE)[0]:
            raise Silent("no answer")
        data = os.read(self._output.fileno(), CHUNK)
        if not data:
            raise Silent("hung up")
        return data

    def close(self) -> None:
        self._keys.close()
        self._output.close()
        self._program.terminate()
        self._program.wait()


def gulp_until_end(lines: Sequence[Line]) -> int:
    """Read all lines until each has shown ptyprog's end mark; the octets that came, frames and all."""
    tails = {line.fileno(): b"" for line in lines}
    by_fd = {line.fileno(): line for line in lines}
    poll = select.epoll()
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    octets = 0
    try:
        while by_fd:
            ready = poll.poll(PATIENCE)
            if not ready:
                raise Silent(f"{len(by_fd)} lines have no end")
            for fd, _ in ready:
                data = by_fd[fd].gulp()
                octets += len(data)
                if END in tails[fd] + data[:200] or END in data[-2000:]:
                    poll.unregister(fd)
                    del by_fd[fd]
                tails[fd] = data[-20:]
    finally:
        poll.close()
    return octets


def gulp_what_is_there(line: Line, quiet: float = 0.1) -> None:
    """Read until nothing has come for `quiet` seconds."""
    deadline = time.monotonic() + PATIENCE
    while select.select([line], [], [], quiet)[0]:
        line.gulp()
        if time.monotonic() > deadline:
            raise Silent("it does not become quiet")
