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
from supervisor.web.responses import Problem
from supervisor.web.shapes import json_answer, octets_answer
from workers.core.events import client_frame
from workers.errors import Refused
from workers.journalread import EventPage, TerminalPage

EVENTS_OCTETS = 4 << 20  # of one answer; who wants more asks again from the last number
OCTETS = "application/octet-stream"
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
        first = await session.hub.read_terminal(query.start, query.limit)
        end = max(first.end, session.hub.end)  # each may be ahead of the other, for a moment
        if query.start > end:
            return _above_the_end(query.start, first.kept_from, end)
        data = await _in_one_piece(session.hub, first, query.limit)
        return Response(data, headers=_bounds(first.start, first.start + len(data)), media_type=OCTETS)

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


async def _in_one_piece(hub: Hub, page: TerminalPage, limit: int) -> bytes:
    """The first page and what follows it without a gap, up to `limit` octets."""
    first, pieces, size = page.start, [page.data], len(page.data)
    while page.data and size < limit:
        page = await hub.read_terminal(first + size, limit - size)
        if page.start != first + size:
            break
        pieces.append(page.data)
        size += len(page.data)
    return b"".join(pieces)


def _above_the_end(start: int, kept_from: int, end: int) -> Response:
    """As for a range that begins behind the end of a file (RFC 9110 §15.5.17), with what there is in the headers.

    From the end itself on there is nothing yet, which is an answer: whoever polls asks for that.
    """
    refused = Refused("invalid", f"from={start} is above the end of the output, {end}", "begin there", field="from")
    answer = Problem(refused, status=416)
    answer.headers.update({**_bounds(kept_from, end), "Content-Range": f"bytes */{end}"})
    return answer


def _bounds(start: int, end: int) -> dict[str, str]:
    return {"Rc-Terminal-Start": str(start), "Rc-Terminal-End": str(end)}


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
