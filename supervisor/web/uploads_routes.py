"""The route by which a file is handed to a session: streamed to disk as it comes."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from supervisor.core.access import SESSION
from supervisor.core.uploads import UPLOAD_LIMIT
from supervisor.sessions.box import Box
from supervisor.sessions.uploads import Uploads
from supervisor.web import shapes
from supervisor.web.body import Body
from supervisor.web.responses import Json
from supervisor.web.shapes import json_answer
from workers.errors import Refused

CONTENT = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def router(box: Box) -> APIRouter:
    """One route, whose body is not read before it."""
    routes, ours = APIRouter(), UploadsRoutes(box)
    written: dict[int | str, shapes.Shape] = {
        200: json_answer(shapes.UPLOADED, "It has taken the place of an older one"),
        201: json_answer(shapes.UPLOADED, "It is new"),
    }
    body = {"requestBody": {"required": True, "content": CONTENT}}
    routes.put(SESSION + "/uploads/{name}", responses=written, openapi_extra=body)(ours.keep)
    return routes


class UploadsRoutes:
    def __init__(self, box: Box) -> None:
        self._box = box
        self._uploads = Uploads(box.room)

    async def keep(self, request: Request, id: str, name: str) -> Response:
        body: Body = request.state.body
        try:
            session = self._box.session(id)
            kept = await self._uploads.keep(session.bundle.directory, name, body.pieces(UPLOAD_LIMIT))
        except Refused:
            await body.discard()
            raise
        told = {"name": kept.name, "path": kept.path, "size": kept.size}
        return Json(told, status_code=201 if kept.created else 200)
