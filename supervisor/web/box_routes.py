"""Routes of the box itself: health, facts, settings, projects, what it keeps on disk, its end."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from supervisor.core.figures import MEDIA_TYPE, exposition
from supervisor.sessions.box import Box
from supervisor.web import models, shapes
from supervisor.web.asking import principal
from supervisor.web.responses import Json
from supervisor.web.shapes import json_answer, octets_answer

READY = json_answer(shapes.OK, "A session could be started now")


def router(box: Box) -> APIRouter:
    """What concerns no single session."""
    routes, ours = APIRouter(), BoxRoutes(box)
    routes.get("/healthz", responses={200: json_answer(shapes.OK, "The process runs")})(ours.healthz)
    routes.get("/readyz", responses={200: READY})(ours.readyz)
    routes.get("/metrics", responses={200: octets_answer("Figures for Prometheus", "text/plain")})(ours.metrics)
    routes.get("/v1/box", responses={200: json_answer(shapes.BOX)})(ours.show)
    routes.patch("/v1/box", responses={200: json_answer(shapes.BOX)})(ours.change)
    routes.get("/v1/projects", responses={200: json_answer(shapes.PROJECTS)})(ours.projects)
    routes.post("/v1/projects", status_code=201, responses={201: json_answer(shapes.PROJECT)})(ours.add_project)
    routes.delete("/v1/projects/{id}", responses={200: json_answer(shapes.PROJECT)})(ours.remove_project)
    routes.post("/v1/shutdown", status_code=202, responses={202: json_answer(shapes.OK, "Begun")})(ours.shut_down)
    return routes


class BoxRoutes:
    def __init__(self, box: Box) -> None:
        self._box = box

    async def healthz(self) -> Response:
        return Json({"ok": True})

    async def readyz(self) -> Response:
        await self._box.check_ready()
        return Json({"ok": True})

    async def metrics(self) -> Response:
        return Response(exposition(self._box.figures()), media_type=MEDIA_TYPE)

    async def show(self, request: Request) -> Response:
        await self._box.lookout.look()
        return Json(self._box.describe(principal(request)))

    async def change(self, request: Request, body: models.BoxChange) -> Response:
        box, by = self._box, principal(request)
        wish = body.model_dump(exclude_unset=True)
        await box.carry_out(lambda: box.switches.change(by, **wish))
        return Json(box.describe(by))

    async def projects(self) -> Response:
        await self._box.lookout.look()
        return Json({"projects": self._box.describe_projects()})

    async def add_project(self, request: Request, body: models.NewProject) -> Response:
        box, by = self._box, principal(request)
        return Json(await box.carry_out(lambda: box.switches.add_project(body.path, by)), status_code=201)

    async def remove_project(self, request: Request, id: str, body: models.Nothing | None = None) -> Response:
        box, by = self._box, principal(request)
        return Json(await box.carry_out(lambda: box.switches.remove_project(id, by)))

    async def shut_down(self, body: models.Shutdown) -> Response:
        self._box.shut_down(end_sessions=body.sessions)
        return Json({"ok": True}, status_code=202)
