"""Staying on a session's stream: connect, read, and after any cut connect again where the last word was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import trio

from supervisor.client.api import PASSING, Client, session_path
from supervisor.client.line import Line, opened
from workers.errors import Broken, Refused

FIRST_PAUSE = 0.05  # seconds until a cut line is tried again: a box that restarts is back after some hundred ms
LONGEST_PAUSE = 1.0  # and this is what nobody minds waiting, nor asking, for a night

DETACHED, ENDED, SIGNALLED = "detached", "ended", "signalled"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attachment ended. `exit` and `state` are the session's when it is `ended`; `signal` is what ended us."""

    how: str
    exit: dict[str, Any] | None = None
    state: str | None = None
    signal: int = 0


class Reader(Protocol):
    """What reads a stream, and knows where it stands."""

    def query(self) -> dict[str, object]:
        """Where to go on."""

    async def read(self, line: Line) -> Outcome | None:
        """Read an open line; None when another one is wanted. Raises Broken."""

    async def cut(self, seconds: float) -> None:
        """There has been no line for so long."""


async def follow(client: Client, session: str, reader: Reader) -> Outcome:
    """Read until the session has ended. What goes wrong before the first word is raised, later it is tried again,
    for ever; only a session that is no more (or not ours any more) is Refused."""
    pause, cut_at, known = FIRST_PAUSE, trio.current_time(), False
    while True:
        try:
            async with opened(client, session_path(session, "stream"), reader.query(), session) as line:
                known, pause = True, FIRST_PAUSE
                outcome = await reader.read(line)
            if outcome is not None:
                return outcome
            cut_at = trio.current_time()
            continue
        except (Broken, Refused) as error:
            if not known or (isinstance(error, Refused) and error.code not in PASSING):
                raise
        if pause == FIRST_PAUSE:
            cut_at = trio.current_time()
        await trio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
        await reader.cut(trio.current_time() - cut_at)
