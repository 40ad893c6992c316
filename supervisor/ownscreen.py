"""The status screen of the box that runs in this process. The counterpart is `rc top`, which asks by the socket."""

from __future__ import annotations

import termios
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import structlog
import trio

from supervisor.core.access import OWNER
from supervisor.foreground import STDIN, STDOUT
from supervisor.logs import Outlet
from supervisor.sessions import news
from supervisor.sessions.news import ToldBox
from supervisor.statusscreen import Deeds, Leaving, StatusScreen

log = structlog.get_logger()


async def show_own_status(
    box: ToldBox,
    deeds: Deeds,
    outlet: Outlet,
    dropped: trio.Event,
    invitation: Mapping[str, Any] | None = None,
    stdin: int = STDIN,
    stdout: int = STDOUT,
) -> Leaving:
    """Show the box, and at first a link where there is one, until somebody leaves, the terminal is closed, or `dropped`
    is set (both: `Leaving.GONE`).

    Meanwhile log lines are shown at the bottom of the screen; afterwards they go out as before.
    """
    leaving = Leaving.GONE
    try:
        async with aclosing(box_updates(box)) as updates, trio.open_nursery() as showing:
            screen = StatusScreen(updates, deeds, stdin, stdout)
            if invitation is not None:
                screen.offer(invitation)

            async def until_dropped() -> None:
                await dropped.wait()
                showing.cancel_scope.cancel()

            showing.start_soon(until_dropped)
            with outlet.diverted(screen.note):
                leaving = await screen.run()
            showing.cancel_scope.cancel()
    except* (OSError, termios.error) as group:  # a terminal that went at any moment takes the screen along, not the box
        log.warning("screen_ended", cause=str(group.exceptions[0]))
    return leaving


async def box_updates(box: ToldBox) -> AsyncGenerator[dict[str, Any], None]:
    """The messages of `/v1/stream`, without the stream."""
    with box.watch() as watch:
        yield news.hello(box, OWNER)
        while True:
            for key in news.concerning(await watch.next(), OWNER):
                yield news.message(box, OWNER, key)
