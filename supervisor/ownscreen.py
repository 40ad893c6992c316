"""The status screen of the box that runs in this process. The counterpart is `rc top`, which asks by the socket."""

from __future__ import annotations

import termios
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager, aclosing
from typing import Any, Protocol

import structlog
import trio

from supervisor.core.access import OWNER, Principal
from supervisor.foreground import STDIN, STDOUT
from supervisor.logs import Outlet
from supervisor.sessions.session import Session
from supervisor.sessions.watch import BOX, Watch
from supervisor.statusscreen import Leaving, StatusScreen
from workers.errors import Refused

log = structlog.get_logger()


class ShownBox(Protocol):
    """What the screen needs of the box."""

    def describe(self, principal: Principal) -> dict[str, Any]: ...

    def sessions(self, principal: Principal) -> list[Session]: ...

    def session(self, id: str) -> Session: ...

    def show(self, session: Session) -> dict[str, Any]: ...

    def watch(self) -> AbstractContextManager[Watch]: ...


async def show_own_status(
    box: ShownBox,
    switch_mode: Callable[[str], Awaitable[None]],
    outlet: Outlet,
    dropped: trio.Event,
    stdin: int = STDIN,
    stdout: int = STDOUT,
) -> Leaving:
    """Show the box until somebody leaves, the terminal is closed, or `dropped` is set (both: `Leaving.GONE`).

    Meanwhile log lines are shown at the bottom of the screen; afterwards they go out as before.
    """
    leaving = Leaving.GONE
    try:
        async with aclosing(box_updates(box)) as updates, trio.open_nursery() as showing:
            screen = StatusScreen(updates, switch_mode, stdin, stdout)

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


async def box_updates(box: ShownBox) -> AsyncGenerator[dict[str, Any], None]:
    """The messages of `/v1/stream`, without the stream."""
    with box.watch() as watch:
        sessions = [box.show(session) for session in box.sessions(OWNER)]
        yield {"type": "hello", "box": box.describe(OWNER), "sessions": sessions, "approvals": []}
        while True:
            for key in await watch.next():
                yield {"type": "box", "box": box.describe(OWNER)} if key == BOX else _session(box, key)


def _session(box: ShownBox, id: str) -> dict[str, Any]:
    try:
        return {"type": "session", "session": box.show(box.session(id))}
    except Refused:
        return {"type": "session_gone", "id": id}
