"""How a reader of a session begins: what it asked for, against what there is."""

from __future__ import annotations

from typing import Any

from supervisor.core.leases import Seat
from supervisor.core.streamquery import StreamQuery
from supervisor.errors import problem
from supervisor.sessions.hub import Hub
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
    kept_from, end, last_seq = await _bounds(hub, query)
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
    seq, offset = hub.last_seq, kept_from if query.wants_all else end
    if query.after is not None and query.after <= last_seq:
        seq = query.after
    elif query.after is not None:
        _refuse(cursor, "after", query.after, "the last event", last_seq)
    if query.terminal_after is not None and query.terminal_after <= end:
        offset = query.terminal_after
    elif query.terminal_after is not None:
        offset = end
        _refuse(cursor, "terminal_after", query.terminal_after, "the end of the output", end)
    cursor.start(seq, offset)
    if not query.wants_all:
        cursor.show_screen()


async def _bounds(hub: Hub, query: StreamQuery) -> tuple[int, int, int]:
    """The first offset that is kept, the end of the output, and the last event, as far as the query needs to know.

    The hub may know less than the disk: a muted worker tells how far it is once a second, and a silent one nothing.
    """
    kept_from, end, last_seq = hub.end, hub.end, hub.last_seq
    if query.wants_all or (query.terminal_after or 0) > end:
        page = await hub.read_terminal(0, 1)
        kept_from, end = page.kept_from, max(page.end, hub.end)
    if (query.after or 0) > last_seq:
        last_seq = max((await hub.read_events(last_seq, 1)).last_seq, hub.last_seq)
    return kept_from, end, last_seq


def _refuse(cursor: Cursor, name: str, given: int, what: str, end: int) -> None:
    """Whoever knows more than there is knows something else; it goes on live."""
    detail = f"{name}={given} is above {what}, {end}"
    refused = Refused("invalid", detail, "leave it out, or give what you have", field=name, end=end)
    cursor.say(type="refused", id=None, error=problem(refused))
