"""The API: every route of the box as one FastAPI application, and its OpenAPI description."""

from __future__ import annotations

from typing import Any

import trio
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from supervisor.identity.identity import Identity
from supervisor.sessions.box import VERSION, Box
from supervisor.web import (
    box_routes,
    bridge_routes,
    content_routes,
    files_routes,
    house_routes,
    identity_routes,
    page_routes,
    pairing_routes,
    session_routes,
    shapes,
    uploads_routes,
)
from supervisor.web.faults import TRANSLATIONS
from supervisor.web.idempotency import SECRET_ANSWERS
from supervisor.web.responses import Json
from supervisor.web.signin import DeviceSignIn
from supervisor.web.streams import routes as stream_routes

DESCRIPTION = (
    "Remote Control for coding agents. The same API is on the box's Unix socket and, for those who have signed in, "
    "on its port. Errors are problem objects (RFC 9457)."
)


def build_api(box: Box, identity: Identity, sign_in: DeviceSignIn) -> FastAPI:
    """All routes, calling `box` and `identity`. What a request must pass before is in `checks`."""
    app = FastAPI(
        title="rc",
        version=VERSION,
        description=DESCRIPTION,
        openapi_url=None,  # served by ourselves, made in a thread: it takes longer than any other answer
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=shapes.PROBLEMS,
        exception_handlers=TRANSLATIONS,
        separate_input_output_schemas=False,
    )
    for router in (
        box_routes.router(box),
        session_routes.router(box),
        content_routes.router(box),
        files_routes.router(box),
        uploads_routes.router(box),
        house_routes.router(box),
        pairing_routes.router(box, identity, sign_in),
        identity_routes.router(box, identity, sign_in),
        stream_routes.router(box, identity.devices.line),
        bridge_routes.router(box, sign_in, identity.devices.line),
        page_routes.router(identity.nonce),
    ):
        app.include_router(router)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        return Json(await trio.to_thread.run_sync(_described, app))

    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """The API in words, with what stands before the routes and so is unknown to them."""
    if app.openapi_schema is None:
        described = app.openapi()
        for path, methods in described["paths"].items():
            if "post" in methods and path not in SECRET_ANSWERS:
                methods["post"].setdefault("parameters", []).append(shapes.IDEMPOTENCY_KEY)
    return app.openapi()
