"""The stream of a box, followed for ever: what it tells, over whatever lines there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import trio

from supervisor.client.api import PASSING, Client
from supervisor.client.line import opened
from workers.errors import Broken, Refused

UPDATES = 16  # messages that the reader has not taken; further ones wait in the box, where many become one
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds between two tries of a box that went away


async def follow_box(client: Client, told: trio.MemorySendChannel[Mapping[str, Any]]) -> None:
    """Pass on what the box tells, for ever: each connection begins with `hello`, which tells everything anew. Raises
    Refused when the box lets us in no more."""
    pause = FIRST_PAUSE
    while True:
        try:
            async with opened(client, "/v1/stream") as line:
                pause = FIRST_PAUSE
                while True:
                    message = await line.receive()
                    if isinstance(message, dict):
                        await told.send(message)
        except (Broken, Refused) as error:
            if isinstance(error, Refused) and error.code not in PASSING:
                raise
            await trio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
