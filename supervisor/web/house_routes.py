"""Routes of what a box keeps on disk: restore, trash, prune, df. To delete is a method of the session's own path."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from supervisor.core.access import SESSION
from supervisor.sessions.box import Box
from supervisor.sessions.verbs import missing_tree
from supervisor.web import models, shapes
from supervisor.web.asking import principal
from supervisor.web.responses import Json
from supervisor.web.shapes import json_answer


def router(box: Box) -> APIRouter:
    """What brings sessions back, lets them go for good, and tells what they cost."""
    routes, ours = APIRouter(), HouseRoutes(box)
    routes.post(SESSION + "/restore", responses={200: json_answer(shapes.SESSION)})(ours.restore)
    routes.get("/v1/trash", responses={200: json_answer(shapes.TRASH)})(ours.trash)
    routes.post("/v1/prune", responses={200: json_answer(shapes.PRUNED)})(ours.prune)
    routes.get("/v1/df", responses={200: json_answer(shapes.DF)})(ours.df)
    return routes


class HouseRoutes:
    def __init__(self, box: Box) -> None:
        self._box = box

    async def restore(self, request: Request, id: str, body: models.Nothing | None = None) -> Response:
        box, by = self._box, principal(request)
        session = await box.carry_out(lambda: box.verbs.restore(id, by))
        notice = await missing_tree(session)
        return Json(box.show(session) | ({"notice": notice} if notice else {}))

    async def trash(self, sizes: bool = True) -> Response:
        return Json({"trash": await self._box.house.trash(sizes)})

    async def prune(self, body: models.Pruning) -> Response:
        house = self._box.house
        return Json(await self._box.carry_out(lambda: house.prune(body.seconds)))

    async def df(self) -> Response:
        return Json(await self._box.house.df())
