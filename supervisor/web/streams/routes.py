"""Routes of the two streams, for clients that ask for server-sent events."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from supervisor.core.access import SESSION
from supervisor.sessions.box import Box
from supervisor.web.asking import principal
from supervisor.web.streams.connection import Lines
from supervisor.web.streams.sse import EventStream, box_events, session_events
from workers.errors import Refused

EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Events, for as long as both sides like", "content": {EventStream.media_type: {}}}
}
QUERY = {
    "after": {"type": "integer", "minimum": 0},
    "terminal_after": {"type": "integer", "minimum": 0},
    "history": {"type": "string", "minLength": 1, "maxLength": 128},
    "catch_up": {"enum": ["all", "screen"]},
}
RESUME = {"name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string"}}
PARAMETERS = [RESUME, *({"name": name, "in": "query", "schema": shape} for name, shape in QUERY.items())]


def router(box: Box, lines: Lines) -> APIRouter:
    """Both only tell; what their WebSockets take besides is a POST here."""
    routes = APIRouter()

    @routes.get("/v1/stream", status_code=200, responses=EVENTS, response_class=EventStream)
    async def box_stream(request: Request) -> Response:
        check_accept(request)
        asker = principal(request)
        return box_events(box, asker, request.state.delivered, lines(asker))

    @routes.get(
        SESSION + "/stream",
        status_code=200,
        responses=EVENTS,
        response_class=EventStream,
        openapi_extra={"parameters": PARAMETERS},
    )
    async def session_stream(request: Request, id: str) -> Response:
        session = box.session(id)
        check_accept(request)
        asker = principal(request)
        asked = request.url.query, request.headers.get("last-event-id"), asker
        return session_events(box, session, *asked, request.state.delivered, line=lines(asker))

    return routes


def check_accept(request: Request) -> None:
    """Whoever only looks what is here, and takes anything, would wait for the end of an answer that has none."""
    if EventStream.media_type not in request.headers.get("accept", ""):
        raise Refused("invalid", "a stream is a WebSocket or server-sent events", f"Accept: {EventStream.media_type}")
