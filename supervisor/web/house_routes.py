"""Routes of deletion and of what a box keeps on disk: delete, restore, trash, prune, df."""

from __future__ import annotations

import re

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from supervisor.core.access import SESSION
from supervisor.sessions.box import Box
from supervisor.web import models, shapes
from supervisor.web.asking import principal
from supervisor.web.responses import Json
from supervisor.web.shapes import json_answer

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}  # seconds
_SPAN = re.compile(r"([0-9]+)([smhdw]?)", re.ASCII)


def router(box: Box) -> APIRouter:
    """What takes sessions away, brings them back, and tells what they cost."""
    routes, ours = APIRouter(), HouseRoutes(box)
    routes.delete(SESSION, responses={200: json_answer(shapes.DELETED)})(ours.delete)
    routes.post(SESSION + "/restore", responses={200: json_answer(shapes.SESSION)})(ours.restore)
    routes.get("/v1/trash", responses={200: json_answer(shapes.TRASH)})(ours.trash)
    routes.post("/v1/prune", responses={200: json_answer(shapes.PRUNED)})(ours.prune)
    routes.get("/v1/df", responses={200: json_answer(shapes.DF)})(ours.df)
    return routes


class HouseRoutes:
    def __init__(self, box: Box) -> None:
        self._box = box

    async def delete(self, request: Request, id: str, body: models.Deletion | None = None) -> Response:
        box, by = self._box, principal(request)
        session, keep = box.session(id), body is not None and body.keep_branch
        return Json(await box.carry_out(lambda: box.delete(session, by, keep_branch=keep)))

    async def restore(self, request: Request, id: str, body: models.Nothing | None = None) -> Response:
        box, by = self._box, principal(request)
        return Json(box.show(await box.carry_out(lambda: box.restore(id, by))))

    async def trash(self) -> Response:
        return Json({"trash": await self._box.house.trash()})

    async def prune(self, body: models.Pruning) -> Response:
        box, older = self._box, seconds(body.older)
        return Json(await box.carry_out(lambda: box.house.prune(older)))

    async def df(self) -> Response:
        return Json(await self._box.house.df())


def seconds(span: str | int) -> int:
    """`30d`, `12h`, `45`: as seconds. The form is the model's to check."""
    match = _SPAN.fullmatch(str(span))
    assert match is not None
    return int(match[1]) * UNITS[match[2] or "s"]
