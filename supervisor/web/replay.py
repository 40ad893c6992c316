"""A stream that first gives back what was read from it, so that whoever takes over sees the line from its start."""

from __future__ import annotations

import trio

from supervisor.web.tls import ClientStream
from supervisor.web.unread import unread

STEP = 16 << 10  # octets sent at once; who takes less than this in a second may seem to stand still


class Replay(trio.abc.HalfCloseableStream):
    """`stream` with `head` put back in front. Shows `.socket`, which Hypercorn asks for."""

    def __init__(self, stream: ClientStream, head: bytes) -> None:
        self._stream = stream
        self._head = head
        self._sent = 0
        self.socket = stream.socket

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if not self._head:
            return await self._stream.receive_some(max_bytes)
        await trio.lowlevel.checkpoint()
        cut = len(self._head) if max_bytes is None else max_bytes
        given, self._head = self._head[:cut], self._head[cut:]
        return given

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        with memoryview(data) as view:
            for start in range(0, len(view), STEP):
                step = view[start : start + STEP]
                await self._stream.send_all(step)
                self._sent += len(step)

    def delivered(self) -> int:
        """How many octets the other side has taken, give or take a `STEP`: by this it is seen to get on."""
        return self._sent - unread(self.socket.fileno())

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()
