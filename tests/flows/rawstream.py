"""A WebSocket client of a stream, as plain as can be: it blocks, and keeps everything it was sent."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any

SECONDS = 20.0


class RawStream:
    """`messages` hold JSON as it came; `terminal` is every octet of output, in order, from the offset `begins` on, with
    zeros for those of a gap.

    With `already`, all that was seen on earlier connections, it goes on behind that. On TCP it takes a `ticket`, and
    what `host` the box is called by; other `headers` stand for themselves.
    """

    def __init__(
        self,
        connection: socket.socket,
        path: str,
        already: bytearray | None = None,
        host: str = "box",
        ticket: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._socket = connection
        self._socket.settimeout(SECONDS)
        self._buffer = bytearray()
        self.messages: list[dict[str, Any]] = []
        self.terminal = bytearray() if already is None else already
        self.begins = None if already is None else 0
        self.closed: int | None = None
        key = base64.b64encode(os.urandom(16)).decode()
        offered = "rc.v1" if ticket is None else f"rc.v1, ticket.{ticket}"
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{more}"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {offered}\r\n\r\n"
        )
        connection.sendall(request.encode())
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        self.head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")

    @property
    def status(self) -> int:
        return int(self.head.split()[1])

    def problem(self) -> Any:
        """What was answered instead of an upgrade."""
        size = next(line for line in self.head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(self._buffer) < int(size.partition(b":")[2]):
            self._receive()
        return json.loads(self._buffer)

    @property
    def end(self) -> int:
        """The offset of the next octet of output."""
        return (self.begins or 0) + len(self.terminal)

    def of(self, type: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == type]

    def until(self, condition: Callable[[], object]) -> None:
        """Read until the condition holds."""
        while not condition():
            self.receive()

    def hear(self, type: str, fits: Callable[[dict[str, Any]], object] = lambda message: True) -> dict[str, Any]:
        """Read until the newest message of this type fits: that message."""
        self.until(lambda: (found := self.of(type)) and fits(found[-1]))
        return self.of(type)[-1]

    def receive(self) -> None:
        """Read one message. Raises ConnectionError at the end, `closed` then being the code of a close."""
        self._take(*self._frame())

    def say(self, **message: object) -> None:
        self._send(1, json.dumps(message).encode())

    def type(self, keys: bytes) -> None:
        self._send(2, b"\x01" + keys)

    def __enter__(self) -> RawStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _take(self, opcode: int, data: bytes) -> None:
        if opcode == 8:
            self.closed = int.from_bytes(data[:2], "big")
            raise ConnectionError(f"closed with {self.closed}")
        if opcode == 1:
            self.messages.append(json.loads(data))
            if self.messages[-1]["type"] == "terminal_gap":
                self._pass_over(self.messages[-1])
        elif opcode == 2 and data[0] == 1:
            (offset,) = struct.unpack(">Q", data[1:9])
            if self.begins is None:
                self.begins = offset
            assert offset == self.end, f"output from {offset} after {self.end}"
            self.terminal += data[9:]

    def _pass_over(self, gap: dict[str, Any]) -> None:
        if self.begins is None:
            self.begins = gap["from"]
        assert gap["from"] == self.end < gap["to"]
        self.terminal += bytes(gap["to"] - gap["from"])

    def _frame(self) -> tuple[int, bytes]:
        self._need(2)
        opcode, length, at = self._buffer[0] & 15, self._buffer[1] & 127, 2
        if length >= 126:
            wide = 2 if length == 126 else 8
            self._need(2 + wide)
            length, at = int.from_bytes(self._buffer[2 : 2 + wide], "big"), 2 + wide
        self._need(at + length)
        data = bytes(self._buffer[at : at + length])
        del self._buffer[: at + length]
        return opcode, data

    def _need(self, size: int) -> None:
        while len(self._buffer) < size:
            self._receive()

    def _receive(self) -> None:
        data = self._socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the box hung up")
        self._buffer += data

    def _send(self, opcode: int, data: bytes) -> None:
        length = len(data)
        head = (
            bytes((0x80 | opcode, 0x80 | length)) if length < 126 else struct.pack(">BBH", 0x80 | opcode, 254, length)
        )
        self._socket.sendall(head + bytes(4) + data)  # masked with zeros
