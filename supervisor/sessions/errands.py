"""Errands: work of the box that goes on when who asked for it has gone away."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import outcome
import structlog
import trio

from workers.errors import Refused

Value = TypeVar("Value")
log = structlog.get_logger()


async def attempt(work: Callable[[], Awaitable[Value]]) -> outcome.Maybe[Value]:
    """The boundary of one session: whatever goes wrong inside is told to who asked, and is not the box's to die of."""
    try:
        return outcome.Value(await work())
    except Exception as error:
        if not isinstance(error, Refused):
            log.exception("errand_failed")
        return outcome.Error(error)


class Errands:
    """`run` is the lifetime of all errands; `start` and `carry_out` may be called from any task while it runs."""

    def __init__(self) -> None:
        # Unbounded, because nothing ever waits in it: `run` takes each errand at its next step. What bounds the
        # number of errands are the slots and the connections of those who ask.
        self._send, self._receive = trio.open_memory_channel[Callable[[], Awaitable[None]]](math.inf)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Carry errands out until cancelled. An error that an errand lets out ends the box: it is a bug."""
        async with trio.open_nursery() as errands:
            task_status.started()
            async for errand in self._receive:
                errands.start_soon(errand)

    def start(self, errand: Callable[[], Awaitable[None]]) -> None:
        """Have it carried out; nobody waits for it."""
        self._send.send_nowait(errand)

    async def carry_out(self, work: Callable[[], Awaitable[Value]]) -> Value:
        """Wait for the work to be done. When the waiting is cancelled the work goes on to its end."""
        done = trio.Event()
        result: outcome.Maybe[Value] | None = None

        async def errand() -> None:
            nonlocal result
            result = await attempt(work)
            done.set()

        self.start(errand)
        await done.wait()
        assert result is not None
        return result.unwrap()
