"""Routes of what a session holds: its events, its terminal's output, and what was cut out of an event."""

from __future__ import annotations

import re
from typing import Annotated

import trio
from fastapi import APIRouter, Query
from starlette.responses import Response

from supervisor.core.access import SESSION
from supervisor.sessions.box import Box
from supervisor.sessions.hub import Hub
from supervisor.web import models, shapes
from supervisor.web.problems import to_json
from supervisor.web.shapes import json_answer, octets_answer
from workers.core.events import client_frame
from workers.errors import Refused
from workers.journalread import EventPage

EVENTS_OCTETS = 4 << 20  # of one answer; who wants more asks again from the last number
_SHA256 = re.compile(r"[0-9a-f]{64}")


def router(box: Box) -> APIRouter:
    """All of them only look, and only at one session."""
    routes, ours = APIRouter(), ContentRoutes(box)
    routes.get(SESSION + "/events", responses={200: json_answer(shapes.EVENTS)})(ours.events)
    routes.get(SESSION + "/terminal", responses={200: octets_answer("Output as the program wrote it")})(ours.terminal)
    whole = json_answer(shapes.ANYTHING, "The whole update")
    routes.get(SESSION + "/blobs/{sha256}", responses={200: whole})(ours.blob)
    return routes


class ContentRoutes:
    def __init__(self, box: Box) -> None:
        self._box = box

    async def events(self, id: str, query: Annotated[models.EventsQuery, Query()]) -> Response:
        hub = self._box.session(id).hub
        if query.before is not None and query.after is not None:
            raise Refused("invalid", "after and before exclude each other", "give one of them", field="before")
        if query.before is not None:
            found = await hub.read_events_before(query.before, query.limit, EVENTS_OCTETS)
        else:
            found = await hub.read_events(query.after or 0, query.limit, EVENTS_OCTETS)
        return Response(_events_answer(found), media_type="application/json")

    async def terminal(self, id: str, query: Annotated[models.TerminalQuery, Query()]) -> Response:
        session = self._box.session(id)
        if not session.is_terminal:
            raise Refused("invalid_state", "this session has no terminal", "read its events")
        start, data = await _terminal_octets(session.hub, query.start, query.limit)
        bounds = {"Rc-Terminal-Start": str(start), "Rc-Terminal-End": str(start + len(data))}
        return Response(data, headers=bounds, media_type="application/octet-stream")

    async def blob(self, id: str, sha256: str) -> Response:
        path = self._box.session(id).bundle.path(f"blobs/{sha256}")
        data = await trio.to_thread.run_sync(_read, path) if _SHA256.fullmatch(sha256) else None
        if data is None:
            raise Refused("not_found", "nothing of this hash was cut out of an event", "see `truncated` in the event")
        return Response(data, media_type="application/json")


def _events_answer(page: EventPage) -> bytes:
    frames = b",".join(client_frame(seq, at_ns, body) for seq, at_ns, body in page.records)
    gap = {"gap": {"from": page.gap[0], "to": page.gap[1]}} if page.gap else {}
    rest = to_json({"last_seq": page.last_seq, **gap})
    return b'{"events":[' + frames + b"]," + rest[1:]


async def _terminal_octets(hub: Hub, start: int, limit: int) -> tuple[int, bytes]:
    """Where what was found begins, and as much of it as there is in one piece, up to `limit`."""
    page = await hub.read_terminal(start, limit)
    first, pieces, size = page.start, [page.data], len(page.data)
    while page.data and size < limit:
        page = await hub.read_terminal(first + size, limit - size)
        if page.start != first + size:
            break
        pieces.append(page.data)
        size += len(page.data)
    return first, b"".join(pieces)


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
