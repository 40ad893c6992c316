"""The status screen in front of a box of our own process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from supervisor.core.access import OWNER
from supervisor.logs import Outlet
from supervisor.sessions.box import Box
from supervisor.sessions.watch import BOX
from supervisor.statusscreen import Leaving, StatusScreen


async def show_screen(box: Box, outlet: Outlet) -> None:
    """Show the box until somebody leaves, which ends it, or until the terminal is closed, which does not."""

    async def switch_mode(mode: str) -> None:
        await box.change(OWNER, spawn_mode=mode)

    screen = StatusScreen(_updates(box), switch_mode)
    with outlet.diverted(screen.note):
        leaving = await screen.run()
    if leaving is Leaving.LEFT:
        box.stopping.set()


async def _updates(box: Box) -> AsyncIterator[dict[str, Any]]:
    """What `/v1/stream` tells the owner, without the stream."""
    with box.watch() as watch:
        sessions = [box.show(session) for session in box.registry]
        yield {"type": "hello", "box": box.describe(OWNER), "sessions": sessions, "approvals": []}
        while True:
            for key in sorted(await watch.next()):
                session = box.registry.find(key)
                if key == BOX:
                    yield {"type": "box", "box": box.describe(OWNER)}
                elif session is None:
                    yield {"type": "session_gone", "id": key}
                else:
                    yield {"type": "session", "session": box.show(session)}
