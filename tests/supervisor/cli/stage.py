"""A box's streams played by a test, and a terminal to look at them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import struct
import termios
from collections.abc import AsyncIterator, Iterator
from typing import Any

import trio
from trio_websocket import WebSocketConnection, WebSocketRequest, wrap_server_stream

from supervisor.client.address import Address
from supervisor.client.api import Client
from supervisor.client.unix import Unix

OUTPUT, STATE = 1, 2
PATIENCE = 200.0  # seconds, of a clock that some tests let run 20 times as fast


class Played:
    """One connection, from the box's side. `query` is what it was opened with."""

    def __init__(self, request: WebSocketRequest, connection: WebSocketConnection) -> None:
        self.path, _, self.query = request.path.partition("?")
        self.protocols = tuple(request.proposed_subprotocols)
        self._connection = connection

    async def tell(self, type: str, **fields: object) -> None:
        await self._connection.send_message(json.dumps({"type": type, **fields}))

    async def print(self, offset: int, data: bytes, kind: int = OUTPUT) -> None:
        await self._connection.send_message(bytes((kind,)) + offset.to_bytes(8, "big") + data)

    async def raw(self, message: str) -> None:
        await self._connection.send_message(message)

    async def hear(self) -> Any:
        """What the client says next: octets, or an object."""
        message = await self._connection.get_message()
        return message if isinstance(message, bytes) else json.loads(message)

    async def hear_keys(self) -> bytes:
        """The next keys; what else is said is passed over."""
        while not isinstance(message := await self.hear(), bytes):
            pass
        return message[1:]

    async def cut(self, code: int = 1012) -> None:
        await self._connection.aclose(code=code)


def client_at(path: str) -> Client:
    """What asks the box whose socket is there."""
    return Client(Address(Unix(path), None))


class Stage:
    """Where a client connects to. `refusals` are answers to the next tries, before one is let in."""

    def __init__(self, path: str, nursery: trio.Nursery) -> None:
        self.path = path
        self.client = client_at(path)
        self.refusals: list[tuple[int, dict[str, object]]] = []
        self.tries = 0
        self._nursery = nursery
        self._sent, self._played = trio.open_memory_channel[Played](8)

    async def serve(self, stream: trio.SocketStream) -> None:
        self.tries += 1
        try:
            request = await wrap_server_stream(self._nursery, stream)
        except trio.BrokenResourceError:
            return
        if self.refusals:
            status, problem = self.refusals.pop(0)
            await request.reject(status, body=json.dumps(problem).encode())
            return
        connection = await request.accept(subprotocol="rc.v1")
        await self._sent.send(Played(request, connection))
        await trio.sleep_forever()

    async def next(self) -> Played:
        with trio.fail_after(PATIENCE):
            return await self._played.receive()


@contextlib.asynccontextmanager
async def stage(folder: object) -> AsyncIterator[Stage]:
    path = os.path.join(str(folder), "rc.sock")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(16)
    listening.setblocking(False)
    listener = trio.SocketListener(trio.socket.from_stdlib_socket(listening))
    async with trio.open_nursery() as nursery:
        played = Stage(path, nursery)
        nursery.start_soon(trio.serve_listeners, played.serve, [listener])
        yield played
        nursery.cancel_scope.cancel()


class Screen:
    """The other end of a terminal."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.shown = b""

    async def until(self, text: bytes) -> bytes:
        """Read until this has been printed; gives everything so far."""
        with trio.fail_after(PATIENCE):
            while text not in self.shown:
                await trio.lowlevel.wait_readable(self.descriptor)
                self.shown += os.read(self.descriptor, 65536)
        return self.shown

    def type(self, keys: bytes) -> None:
        os.write(self.descriptor, keys)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@contextlib.contextmanager
def terminal(rows: int = 24, columns: int = 80) -> Iterator[Screen]:
    """stdin and stdout of this process are a terminal, while inside."""
    ours, theirs = os.openpty()
    screen = Screen(ours)
    screen.resize(rows, columns)
    with standard(theirs, theirs):
        os.close(theirs)
        try:
            yield screen
        finally:
            os.close(ours)


@contextlib.contextmanager
def standard(stdin: int, stdout: int) -> Iterator[None]:
    """stdin and stdout of this process are these descriptors, while inside."""
    before = [os.dup(0), os.dup(1)]
    os.dup2(stdin, 0)
    os.dup2(stdout, 1)
    try:
        yield
    finally:
        for descriptor, kept in enumerate(before):
            os.dup2(kept, descriptor)
            os.close(kept)


@contextlib.contextmanager
def pipes() -> Iterator[tuple[int, int]]:
    """stdin and stdout of this process are pipes: where to write for the one, and to read of the other."""
    stdin, to_stdin = os.pipe()
    from_stdout, stdout = os.pipe()
    with standard(stdin, stdout):
        os.close(stdin)
        os.close(stdout)
        try:
            yield to_stdin, from_stdout
        finally:
            for descriptor in (to_stdin, from_stdout):
                with contextlib.suppress(OSError):
                    os.close(descriptor)
