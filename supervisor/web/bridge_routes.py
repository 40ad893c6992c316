"""Routes of remote workers: the exchange by which one comes in, what it is told, and what it tells."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from supervisor.core.access import SESSION
from supervisor.core.workerrecords import parse_record
from supervisor.core.workertokens import EXPIRES_IN
from supervisor.sessions.box import Box
from supervisor.web import models, shapes
from supervisor.web.asking import principal
from supervisor.web.responses import Json
from supervisor.web.shapes import json_answer
from supervisor.web.signin import DeviceSignIn
from supervisor.web.streams.connection import Lines
from supervisor.web.streams.routes import EVENTS, check_accept
from supervisor.web.streams.sse import EventStream, worker_commands
from workers.errors import Refused


def router(box: Box, sign_in: DeviceSignIn, lines: Lines) -> APIRouter:
    routes, ours = APIRouter(), BridgeRoutes(box, sign_in, lines)
    routes.post(SESSION + "/bridge", responses={200: json_answer(shapes.BRIDGE)})(ours.bridge)
    routes.get(SESSION + "/worker", status_code=200, responses=EVENTS, response_class=EventStream)(ours.worker)
    routes.post(SESSION + "/worker/events", responses={200: json_answer(shapes.RECORDED, "It is on disk")})(ours.events)
    return routes


class BridgeRoutes:
    """The first is for people; the others are for who shows the token that it gives."""

    def __init__(self, box: Box, sign_in: DeviceSignIn, lines: Lines) -> None:
        self._box = box
        self._sign_in = sign_in
        self._lines = lines

    async def bridge(self, request: Request, id: str, body: models.Nothing | None = None) -> Response:
        """A new exchange: earlier ones are void from now on, and their lines are cut."""
        session, origins = self._box.session(id), request.state.approach.origins
        generation = await self._box.carry_out(lambda: self._box.remotes.exchange(session))
        answer = {
            "worker_jwt": self._sign_in.worker_token(id, generation, principal(request)),
            "expires_in": EXPIRES_IN,
            "generation": generation,
            "api_base_url": next(iter((*origins, *self._box.urls)), None),
            "last_seq": session.facts.last_seq,
            "session": id,
        }
        return Json(answer)

    async def worker(self, request: Request, id: str) -> Response:
        """What the worker is told: a WebSocket, or server-sent events."""
        asker = principal(request)
        standin = self._box.remotes.standin(self._box.session(id), asker.generation)
        check_accept(request)
        return worker_commands(self._box, standin, asker.generation, request.state.delivered, self._lines(asker))

    async def events(self, request: Request, id: str, body: models.WorkerRecords) -> Response:
        """What the worker tells. Of records that are refused, `taken` before them are recorded all the same."""
        session, generation = self._box.session(id), principal(request).generation
        standin = self._box.remotes.standin(session, generation)
        for number, record in enumerate(body.records):
            await standin.wait_room()
            self._box.remotes.standin(session, generation)  # while we waited another exchange may have been made
            try:
                standin.take(parse_record(record))
            except Refused as refused:
                fields: dict[str, Any] = {**refused.fields, "taken": number}
                raise Refused(refused.code, refused.detail, refused.hint, **fields) from refused
        await standin.settle()
        return Json(standin.recorded)
