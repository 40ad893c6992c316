"""A line of frames over a non-blocking Unix socket: what the link to a worker and an exec have in common."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys

import trio

from workers.core.wire import Frame, Reader
from workers.errors import Broken

READ = 256 << 10  # four of a worker's largest sends in one system call
# For all lines: what is read is copied out before anybody else runs. Room of its own for each read would be mapped
# and unmapped for every echo, or spread over the heap.
_ROOM = memoryview(bytearray(READ))
CLEAR_SECONDS = 5.0  # for a peer that is busy; one that is stopped must not hold those who talk to it for ever
DESCRIPTOR = struct.calcsize("i")  # octets
RIGHTS = socket.CMSG_SPACE(DESCRIPTOR)
MAX_UNSENT = 1 << 20  # commands and keys are small: a peer that leaves this much unread has stopped


class Clogged(Broken):
    """The other side leaves so much unread that it gets no more for now; nothing was sent, and the line is whole."""


class Line:
    """Sends without waiting, receives in batches. One task calls `receive`, one runs `flush_forever`."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.lent = -1  # a descriptor that came with a frame; the newest counts
        self._socket = connection
        self._reader = Reader()
        self._unsent = bytearray()
        self._ahead: list[Frame] = []
        self._wake = trio.Event()
        self._clear = trio.Event()

    def send(self, *frames: Frame) -> None:
        """Send now as far as the socket takes it, keep the rest for `flush_forever`. Never waits.

        Raises Broken when the peer is gone, Clogged when more than `MAX_UNSENT` octets would wait for it to read.
        """
        data = frames[0].encode() if len(frames) == 1 else b"".join([frame.encode() for frame in frames])
        if not self._unsent:
            data = data[self._send_some(data) :]  # the rest is bounded by the size of one frame
        elif len(self._unsent) + len(data) > MAX_UNSENT:
            raise Clogged("the other side does not read")
        if data:
            self._unsent += data
            self._wake.set()

    @property
    def is_clogged(self) -> bool:
        """Whether something that was sent still waits for the other side to read."""
        return bool(self._unsent)

    async def wait_clear(self) -> None:
        """Before more of a size is sent: return when the other side has taken what it got, the line is closed, or
        `CLEAR_SECONDS` are over."""
        if not self._unsent:
            return
        with trio.move_on_after(CLEAR_SECONDS):
            while self._unsent and self._socket.fileno() >= 0:
                await self._clear.wait()

    def _send_some(self, data: bytes | bytearray) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise Broken(f"the line is cut: {error}") from error

    async def flush_forever(self) -> None:
        """Send what `send` had to keep, while the line lives. Raises Broken when it is cut, or closed by us."""
        while True:
            await self._wake.wait()
            while self._unsent:
                await self._wait_writable()
                del self._unsent[: self._send_some(self._unsent)]
            self._wake = trio.Event()
            self._tell_clear()

    def _tell_clear(self) -> None:
        self._clear.set()
        self._clear = trio.Event()

    async def _wait_writable(self) -> None:
        if self._socket.fileno() >= 0:
            with contextlib.suppress(trio.ClosedResourceError):
                await trio.lowlevel.wait_writable(self._socket)
                return
        raise Broken("the line is closed")

    async def receive(self) -> list[Frame]:
        """The next frames, those of one read together; none at the end of the line. Raises Broken for nonsense."""
        frames, self._ahead = self._ahead, []
        while not frames:
            data = await self._read()
            if not data:
                break
            frames = self._reader.feed(data)
        return frames

    async def _read(self) -> bytes:
        """What is there, nothing at the end of the line."""
        while self._socket.fileno() >= 0:
            try:
                # Also when there is more: a line that is never dry must not keep all others waiting.
                await trio.lowlevel.wait_readable(self._socket)
                size, lent, _, _ = self._socket.recvmsg_into([_ROOM], RIGHTS, socket.MSG_CMSG_CLOEXEC)
                if lent:
                    self._keep(lent)
                return _ROOM[:size].tobytes()
            except BlockingIOError:
                continue
            except trio.ClosedResourceError:
                break
            except OSError as error:
                raise Broken(f"the line is cut: {error}") from error
        return b""

    async def next_frame(self) -> Frame:
        """One frame; what came with it stays for the next call. Raises Broken at the end of the line."""
        frames = await self.receive()
        if not frames:
            raise Broken("the line ended")
        self._ahead = frames[1:]
        return frames[0]

    def _keep(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        self.give_back()
        _, _, data = ancillary[0]
        self.lent = int.from_bytes(data[:DESCRIPTOR], sys.byteorder)

    def write_lent(self, data: bytes) -> int:
        """How much of it what was lent takes now: nothing when it is full, or at its end."""
        try:
            return os.write(self.lent, data)
        except OSError:
            return 0

    def give_back(self) -> None:
        """Close what the other side has lent."""
        if self.lent >= 0:
            os.close(self.lent)
        self.lent = -1

    def close(self) -> None:
        self.give_back()
        if self._socket.fileno() >= 0:
            with contextlib.suppress(OSError):
                trio.lowlevel.notify_closing(self._socket)
            self._socket.close()
            self._tell_clear()
