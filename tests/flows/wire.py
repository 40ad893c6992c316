"""A wire between a browser and a box, which a test can cut, join again, make slow, and lead to another port."""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncIterator
from functools import partial

import trio

PIECE = 64 << 10  # octets at once


class Wire:
    """`port` is this end's, on the loopback, for as long as the wire is there; `box` is where it leads."""

    def __init__(self, box: int) -> None:
        self.port = 0
        self.box = box
        self.seconds = 0.0  # each way
        self.shakes_hands = False  # whether a new line costs one way there and back, as without a wire it would
        self._is_cut = False
        self._lines: set[trio.CancelScope] = set()

    def cut(self) -> None:
        """What stands breaks without a word, and what is new is not answered."""
        self._is_cut = True
        for line in self._lines:
            line.cancel()

    def join(self) -> None:
        self._is_cut = False

    async def carry(self, client: trio.SocketStream) -> None:
        with trio.CancelScope() as line, contextlib.suppress(OSError, trio.BrokenResourceError):
            if not self._is_cut:
                self._lines.add(line)
                await trio.sleep(2 * self.seconds if self.shakes_hands else 0.0)
                await self._join_to_box(client)
        self._lines.discard(line)
        await trio.aclose_forcefully(client)

    async def _join_to_box(self, client: trio.SocketStream) -> None:
        async with await trio.open_tcp_stream("127.0.0.1", self.box) as box, trio.open_nursery() as both:
            both.start_soon(self._pump, client, box, both.cancel_scope)
            both.start_soon(self._pump, box, client, both.cancel_scope)

    async def _pump(self, source: trio.SocketStream, sink: trio.SocketStream, line: trio.CancelScope) -> None:
        # What is under way is bounded by the box: it sends a client no more than it lets be behind.
        into, out_of = trio.open_memory_channel[tuple[float, bytes]](math.inf)

        async def read() -> None:
            async with into:
                with contextlib.suppress(OSError, trio.BrokenResourceError):
                    while data := await source.receive_some(PIECE):
                        into.send_nowait((trio.current_time() + self.seconds, data))

        async with trio.open_nursery() as reading:
            reading.start_soon(read)
            with contextlib.suppress(OSError, trio.BrokenResourceError):
                async for due, data in out_of:
                    await trio.sleep_until(due)
                    await sink.send_all(data)
        line.cancel()


@contextlib.asynccontextmanager
async def open_wire(box: int) -> AsyncIterator[Wire]:
    wire = Wire(box)
    async with trio.open_nursery() as lines:
        listeners = await lines.start(partial(trio.serve_tcp, wire.carry, 0, host="127.0.0.1"))
        wire.port = listeners[0].socket.getsockname()[1]
        yield wire
        lines.cancel_scope.cancel()
