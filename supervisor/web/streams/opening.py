"""How a reader of a session begins: what it asked for, against what there is."""

from __future__ import annotations

from typing import Any

from supervisor.core.leases import Seat
from supervisor.core.streamquery import StreamQuery
from supervisor.errors import problem
from supervisor.sessions.session import Session
from supervisor.web.streams.session_cursor import Cursor
from workers.errors import Refused

PROTOCOL = 1


async def begin(
    cursor: Cursor, session: Session, query: StreamQuery, seat: Seat, epoch: int, shown: dict[str, Any]
) -> None:
    """Say hello, and what is to be said of the query, and put the cursor where it asks. `shown` is the session as
    the asker sees it."""
    hub = session.hub
    kept_from, end = hub.end, hub.end
    if query.wants_all:
        # The hub may know less than the disk: a muted worker tells how far it is once a second.
        page = await hub.read_terminal(0, 1)
        kept_from, end = page.kept_from, max(page.end, hub.end)
    cursor.say(
        type="hello",
        protocol=PROTOCOL,
        epoch=epoch,
        history=session.facts.history,
        session=shown,
        role=seat.role,
        connection=seat.connection,
        last_seq=hub.last_seq,
    )
    if query.history is not None and query.history != session.facts.history:
        cursor.tell_history()
        return
    offset, refused = _beginning(query, kept_from, end)
    cursor.start(hub.last_seq if query.after is None else query.after, offset)
    if refused is not None:
        cursor.say(type="refused", id=None, error=problem(refused))
    if not query.wants_all:
        cursor.show_screen()


def _beginning(query: StreamQuery, kept_from: int, end: int) -> tuple[int, Refused | None]:
    """The first offset, and why it is not the one that was asked for."""
    if query.terminal_after is None:
        return (kept_from, None) if query.wants_all else (end, None)
    if query.terminal_after <= end:
        return query.terminal_after, None
    detail = f"terminal_after={query.terminal_after} is above the end of the output, {end}"
    return end, Refused("invalid", detail, "leave it out, or give the offset that you have", end=end)
