"""The line of one WebSocket: where its octets go out, ours as whole frames between the library's, and come in."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Sequence
from contextlib import suppress

import trio

from supervisor.core.clientframes import ClientFrames
from supervisor.web.throttle import InputOf
from supervisor.web.tls import ClientStream, TlsStream
from supervisor.web.unread import unread

MESSAGE = 1024  # octets that count as one more message, where they are counted
READ = 64 << 10  # octets at a time: a paste in one system call
STALL_SECONDS = 1.0  # without progress: the connection is then behind
SEALED = 64 << 10  # octets at once under TLS, where the first of them commits us to all
WRITE_SECONDS = 60.0  # without progress: nobody is there; a laptop that closes its lid comes back with a new connection


class Outlet(trio.abc.Stream):
    """A stream for trio-websocket, and a short way past it in both directions.

    Out: `push` sends whole frames without waiting, from any task, also from the hub's. What the kernel took of a
    frame commits us to the rest of it, which goes before anything else. In: small frames of keys go to `take_keys`
    as they are read, while every message that the library got is done with (`done`).

    Under TLS the same goes for records: they are made here, so that they leave in the order in which they were made,
    and what the kernel did not take of them is the rest that we are committed to.
    """

    def __init__(self, stream: ClientStream, head: bytes, count_input: InputOf | None = None) -> None:
        """`head` is the request, which is read first, with whatever came behind it. Where input is counted, nothing
        more is read until there is room for what was."""
        self.stalled = False  # nothing went out for `STALL_SECONDS`; whoever acts on it takes it back
        self.heard_at = trio.current_time()
        self.is_local = stream.socket.family == trio.socket.AF_UNIX
        self.is_flooded = trio.Event()  # a message is on its way that is longer than any may be
        self.take_keys: Callable[[bytes], None] | None = None
        self.may_take_keys: Callable[[], bool] = lambda: True
        self._stream = stream
        self._tls = stream if isinstance(stream, TlsStream) else None
        self._descriptor = stream.socket.fileno()
        self._lock = trio.Lock()  # of whoever waits to write; `push` never waits, and stays out while it is held
        self._rest = memoryview(b"")
        self._head = head + (self._tls.unseal(b"") if self._tls else b"")  # and what is unsealed already
        self._frames = ClientFrames()
        self._count_input = count_input
        self._done = 0

    # Out

    def push(self, frames: Sequence[bytes]) -> int:
        """Send as many of the frames (at most 1,024) as the kernel takes now: how many need no further thought."""
        # Not async on purpose: a key's echo goes out in the very step that brought it.
        if self._rest or self._lock.locked() or self._descriptor < 0:
            return 0
        if self._tls is not None:
            return self._push_sealed(frames, self._tls)
        try:
            sent = os.writev(self._descriptor, frames)
        except OSError:
            return 0  # full; or broken, which whoever waits for room finds out
        for number, frame in enumerate(frames):
            if sent < len(frame):
                if sent:
                    self._rest = memoryview(frame)[sent:]
                return number + bool(sent)
            sent -= len(frame)
        return len(frames)

    def _push_sealed(self, frames: Sequence[bytes], tls: TlsStream) -> int:
        count = octets = 0
        for frame in frames:
            if count and octets + len(frame) > SEALED:
                break
            count, octets = count + 1, octets + len(frame)
        try:
            self._rest = memoryview(tls.seal(b"".join(frames[:count])))
        except trio.ClosedResourceError:
            return 0
        with suppress(OSError):  # as above
            self._rest = self._rest[os.write(self._descriptor, self._rest) :]
        return count

    @property
    def is_clear(self) -> bool:
        """Whether nothing of a frame is left over."""
        return not self._rest

    async def wait_room(self) -> None:
        """Return when it makes sense to push again. Raises BrokenResourceError, also after `WRITE_SECONDS`."""
        async with self._lock:
            if self._rest:
                await self._flush()
            else:
                await self._wait_writable()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        async with self._lock:
            await self._flush()
            self._rest = memoryview(self._tls.seal(data) if self._tls else data)
            await self._flush()

    async def wait_send_all_might_not_block(self) -> None:
        await self.wait_room()

    async def _flush(self) -> None:
        while self._rest:
            if self._descriptor < 0:
                raise trio.ClosedResourceError("the connection is closed")
            try:
                self._rest = self._rest[os.write(self._descriptor, self._rest) :]
            except BlockingIOError:
                await self._wait_writable()
            except OSError as error:
                raise trio.BrokenResourceError(str(error)) from error

    async def _wait_writable(self) -> None:
        left, since = unread(self._descriptor), trio.current_time()
        while self._descriptor >= 0:
            with trio.move_on_after(STALL_SECONDS):
                await trio.lowlevel.wait_writable(self._descriptor)
                return
            if unread(self._descriptor) < left:
                left, since = unread(self._descriptor), trio.current_time()
                continue
            self.stalled = True
            if trio.current_time() - since >= WRITE_SECONDS:
                raise trio.BrokenResourceError("the other side does not read")
        raise trio.ClosedResourceError("the connection is closed")

    # In

    @property
    def is_gone(self) -> bool:
        """Whether the other side has hung up, even behind something that has not been read yet."""
        if self._descriptor < 0:
            return True
        looking = select.poll()
        looking.register(self._descriptor, select.POLLRDHUP)
        return bool(looking.poll(0))

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if self._head:
            head, self._head = self._head, b""
            self._frames.feed(head.partition(b"\r\n\r\n")[2], False)
            return head
        while True:
            data = await self._read()
            if not self.is_local:
                self.heard_at = trio.current_time()
            take = self.take_keys if self._done == self._frames.passed and self.may_take_keys() else None
            before = self._frames.passed
            taken, rest = self._frames.feed(data, take is not None)
            messages = len(taken) + self._frames.passed - before + len(data) / MESSAGE
            if self._frames.is_too_big:
                self.is_flooded.set()
                rest = b""  # the library would close as well, and two that close are one too many for it
            for keys in taken:
                assert take is not None
                take(keys)
            await self._make_place(messages)
            if rest or not data:
                return rest

    async def _make_place(self, messages: float) -> None:
        while self._count_input is not None:
            wait = self._count_input(messages)
            if not wait:
                return
            await trio.sleep(wait)

    async def _read(self) -> bytes:
        """What is there, unsealed where it was sealed."""
        if self._tls is None:
            return await self._read_raw()
        while not self._tls.has_ended:
            data = await self._read_raw()
            clear = self._tls.unseal(data)
            if clear or not data:
                return clear
        return b""

    async def _read_raw(self) -> bytes:
        """What is there. Waits first: a key comes alone, and looking for another behind it would be in vain."""
        while self._descriptor >= 0:
            await trio.lowlevel.wait_readable(self._descriptor)
            try:
                return os.read(self._descriptor, READ)
            except BlockingIOError:
                continue
            except OSError as error:
                raise trio.BrokenResourceError(str(error)) from error
        raise trio.ClosedResourceError("the connection is closed")

    async def say_last(self, frame: bytes) -> None:
        """What is left to say when the library has done with the line, behind what we are committed to."""
        rest, self._rest = bytes(self._rest), memoryview(b"")
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            if self._tls is not None:
                await self._tls.transport_stream.send_all(rest)
                await self._tls.send_all(frame)
            else:
                await self._stream.send_all(rest + frame)

    async def drain(self) -> bytes:
        """Throw away what still comes, after our last word: nothing at the end of the line."""
        try:
            await self._stream.send_eof()
            return bytes(await self._stream.receive_some(READ))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return b""
        except trio.BusyResourceError:  # the library, at odds with what came, still reads: that drains as well
            return b""

    def done(self) -> None:
        """One more message that came through the library has been carried out."""
        self._done += 1

    async def aclose(self) -> None:
        """The library has done with the line: nothing goes over it but our last word. Whoever opened it closes it."""
        self._descriptor = -1
        await trio.lowlevel.checkpoint()
