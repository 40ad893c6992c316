"""Routes of devices: what one shows to come in (tokens, tickets), and which there are."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from supervisor.core.access import Principal
from supervisor.core.pairing import check_label
from supervisor.core.proofs import check_key
from supervisor.identity.devices import Device
from supervisor.identity.identity import Identity
from supervisor.sessions.box import Box
from supervisor.web import models, shapes
from supervisor.web.asking import principal
from supervisor.web.responses import Json
from supervisor.web.shapes import json_answer
from supervisor.web.signin import DeviceSignIn
from workers.errors import Refused

DEVICES = "/v1/devices"
GIVEN = json_answer(shapes.TICKET_AND_TOKEN, "The ticket opens one WebSocket within 30 s")
MADE = json_answer(shapes.DEVICE, "It may come in")


def router(box: Box, identity: Identity, sign_in: DeviceSignIn) -> APIRouter:
    """What follows on pairing."""
    routes, ours = APIRouter(), IdentityRoutes(box, identity, sign_in)
    routes.post("/v1/tokens", responses={200: json_answer(shapes.TOKEN)})(ours.token)
    routes.post("/v1/tickets", responses={200: GIVEN})(ours.ticket)
    routes.get(DEVICES, responses={200: json_answer(shapes.DEVICES)})(ours.list)
    routes.post(DEVICES, status_code=201, responses={201: MADE})(ours.add)
    routes.delete(DEVICES + "/{id}", responses={200: json_answer(shapes.DEVICE)})(ours.revoke)
    return routes


class IdentityRoutes:
    def __init__(self, box: Box, identity: Identity, sign_in: DeviceSignIn) -> None:
        self._box = box
        self._identity = identity
        self._sign_in = sign_in

    async def token(self, request: Request, body: models.Nothing | None = None) -> Response:
        """For a proof by the device's key, or by its present token."""
        return Json(self._identity.token(self._asking(request)))

    async def ticket(self, request: Request, body: models.NewTicket | None = None) -> Response:
        """The same, and what opens one WebSocket: of that session, or of the box."""
        device, session = self._asking(request), body.session if body else None
        if session is not None:
            self._box.session(session)
        ticket = self._identity.ticket(device, session, request.headers.get("origin"))
        return Json({"ticket": ticket, **self._identity.token(device)})

    async def list(self, request: Request) -> Response:
        by = principal(request)
        return Json({"devices": [device.show(by) for device in self._identity.devices]})

    async def add(self, request: Request, body: models.NewDevice) -> Response:
        """A device that makes its own key and is not paired: for scripts."""
        devices, by, label = self._identity.devices, principal(request), check_label(body.label)
        check_key(body.public_key)
        if devices.by_key(body.public_key) is not None:
            raise Refused("already_claimed", "this box knows that key already", "rc devices shows whose it is")
        device = await self._box.carry_out(lambda: devices.add(body.public_key, body.kind, label, by))
        return Json(device.show(by), status_code=201)

    async def revoke(self, request: Request, id: str, body: models.Nothing | None = None) -> Response:
        device = self._known(id)
        shown = device.show(principal(request))
        await self._box.carry_out(lambda: self._identity.revoke(device))
        return Json(shown)

    def _known(self, id: str) -> Device:
        device = self._identity.devices.get(id)
        if device is None:
            raise Refused("not_found", "there is no such device", "rc devices shows them")
        return device

    def _asking(self, request: Request) -> Device:
        """The device that asks: by its token, which was checked on the way here, else by its proof alone."""
        by: Principal = principal(request)
        device = self._identity.devices.find(by.device)
        if device is not None:
            return device
        return self._sign_in.device(request)
