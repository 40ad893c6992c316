"""Routes of sessions: make, list, show, tell, end, put away, delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from supervisor.core.access import SESSION, SESSIONS, Principal
from supervisor.core.messages import parse_wish
from supervisor.sessions.box import Box
from supervisor.sessions.creation import Wish
from supervisor.sessions.session import Session
from supervisor.web import models, shapes
from supervisor.web.asking import principal
from supervisor.web.listing import page
from supervisor.web.responses import Json
from supervisor.web.shapes import json_answer
from supervisor.web.streams.lease import command_by_post

Verb = Callable[[Session, Principal], Awaitable[None]]
ONE: dict[int | str, shapes.Shape] = {200: json_answer(shapes.SESSION)}


def router(box: Box) -> APIRouter:
    """What makes a session, and what is done to one as a whole."""
    routes, ours = APIRouter(), SessionRoutes(box)
    routes.post(SESSIONS, status_code=201, responses={201: json_answer(shapes.SESSION, "It runs")})(ours.create)
    routes.get(SESSIONS, responses={200: json_answer(shapes.SESSIONS)})(ours.list)
    routes.get(SESSION, responses=ONE)(ours.show)
    routes.patch(SESSION, responses=ONE)(ours.rename)
    routes.delete(SESSION, responses={200: json_answer(shapes.DELETED)})(ours.delete)
    routes.post(SESSION + "/commands", responses={200: json_answer(shapes.ACCEPTED, "It is on disk")})(ours.command)
    routes.post(SESSION + "/exec", responses={200: json_answer(shapes.TICKET, "Use it within 30 s")})(ours.execute)
    verbs = box.verbs
    each: dict[str, Verb] = {
        "stop": verbs.stop,
        "suspend": verbs.suspend,
        "resume": verbs.resume,
        "archive": verbs.archive,
    }
    for name, verb in each.items():
        routes.post(f"{SESSION}/{name}", name=name, responses=ONE)(_doing(box, verb))
    return routes


class SessionRoutes:
    def __init__(self, box: Box) -> None:
        self._box = box

    async def create(self, request: Request, body: models.NewSession) -> Response:
        box, by = self._box, principal(request)
        given = body.model_dump(exclude_none=True)
        if body.command is not None:
            given["command"] = tuple(body.command)
        id = getattr(request.state, "session_id", None)  # chosen before, for a request with an Idempotency-Key
        session = box.registry.find(id) if id else None
        if session is None:
            session = await box.create(Wish(**given, id=id), by)
        return Json(box.show(session), status_code=201)

    async def list(self, request: Request, query: Annotated[models.SessionsQuery, Query()]) -> Response:
        box = self._box
        if query.project is not None:
            project = await box.projects.locate(query.project)
            query = query.model_copy(update={"project": project.id})
        return Json(page([box.show(session) for session in box.sessions(principal(request))], query))

    async def show(self, id: str) -> Response:
        return Json(self._box.show(self._box.session(id)))

    async def rename(self, request: Request, id: str, body: models.Rename) -> Response:
        box, by = self._box, principal(request)
        session = box.session(id)
        await box.carry_out(lambda: box.verbs.rename(session, body.name, by))
        return Json(box.show(session))

    async def delete(self, request: Request, id: str, body: models.Deletion | None = None) -> Response:
        box, by = self._box, principal(request)
        session, keep_branch = box.session(id), body is not None and body.keep_branch
        return Json(await box.carry_out(lambda: box.verbs.delete(session, by, keep_branch=keep_branch)))

    async def command(self, request: Request, id: str, body: models.CommandBody) -> Response:
        session, by = self._box.session(id), principal(request)
        kind, wish = parse_wish(body)
        repeat = getattr(request.state, "message_id", None)  # made of the Idempotency-Key
        if repeat and kind != "cancel_message":
            wish = {"message_id": repeat, **wish}
        return Json({"seq": await self._box.carry_out(lambda: command_by_post(session, by, kind, wish))})

    async def execute(self, request: Request, id: str, body: models.Execution) -> Response:
        """Prepare a program in the session's workspace; a WebSocket with the ticket runs it."""
        session = self._box.session(id)
        bound_to = {"device": principal(request).device, "origin": request.headers.get("origin")}
        prepare = partial(self._box.executions.prepare, session, body.command, body.rows, body.columns)
        return Json({"ticket": prepare(plain=body.plain, **bound_to)})


def _doing(box: Box, verb: Verb) -> Callable[..., Awaitable[Response]]:
    """A route that takes no fields, does one thing to a session and answers with the session."""

    async def act(request: Request, id: str, body: models.Nothing | None = None) -> Response:
        session, by = box.session(id), principal(request)
        await box.carry_out(lambda: verb(session, by))
        return Json(box.show(session))

    return act
