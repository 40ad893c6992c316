"""Routes of pairing: a new device claims and opens an invitation, the owner of the box makes, sees and accepts it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from supervisor.core.pairing import check_label, read_b64u
from supervisor.core.proofs import ED25519, P256
from supervisor.identity.identity import Identity
from supervisor.sessions.box import Box
from supervisor.statedir import SOCKET
from supervisor.web import models, shapes
from supervisor.web.asking import principal
from supervisor.web.responses import Json
from supervisor.web.shapes import json_answer
from supervisor.web.signin import DeviceSignIn
from workers.errors import Refused

PAIRINGS = "/v1/pairings"
ON_BOX = SOCKET  # what stands for the address of somebody on this machine
PAIRING = PAIRINGS + "/{id}"
INVITED = json_answer(shapes.INVITATION, "Use it within 5 minutes, once")


def router(box: Box, identity: Identity, sign_in: DeviceSignIn) -> APIRouter:
    """From the invitation to the device."""
    routes, ours = APIRouter(), PairingRoutes(box, identity, sign_in)
    routes.post(PAIRINGS, status_code=201, responses={201: INVITED})(ours.invite)
    routes.get(PAIRINGS, responses={200: json_answer(shapes.PAIRINGS)})(ours.list)
    routes.post(PAIRINGS + "/claim", responses={200: json_answer(shapes.CLAIMED)})(ours.claim)
    routes.get(PAIRING, responses={200: json_answer(shapes.PAIRING_STATE)})(ours.wait)
    routes.delete(PAIRING, responses={200: json_answer(shapes.PAIRING)})(ours.call_off)
    routes.post(PAIRING + "/open", responses={200: json_answer(shapes.PAIRING_STATE)})(ours.open)
    routes.post(PAIRING + "/accept", responses={200: json_answer(shapes.DEVICE)})(ours.accept)
    return routes


class PairingRoutes:
    def __init__(self, box: Box, identity: Identity, sign_in: DeviceSignIn) -> None:
        self._box = box
        self._desk = identity.desk
        self._key = identity.key
        self._sign_in = sign_in

    async def invite(self, body: models.NewPairing | None = None) -> Response:
        shown = self._desk.invite().show(self._box.urls)
        return Json({**shown, "box_key": self._key.text}, status_code=201)

    async def list(self) -> Response:
        self._desk.expire()
        return Json({"pairings": [self._desk.show(pairing) for pairing in self._desk]})

    async def claim(self, request: Request, body: models.Claim) -> Response:
        if (body.code is None) == (body.secret is None):
            raise Refused("invalid", "give the code or the secret of a pairing, not both", "see /openapi.json")
        address = request.state.approach.address or ON_BOX
        commit = read_b64u(body.commit, 32)
        pairing, nonce = self._desk.claim(code=body.code, secret=body.secret, commit=commit, address=address)
        return Json({"id": pairing.id, "box_key": self._key.text, "nonce_b": nonce})

    async def open(self, id: str, body: models.Opening) -> Response:
        key, nonce = read_b64u(body.device_key, P256, ED25519), read_b64u(body.nonce_d, 32)
        pairing = self._desk.open(id, key, nonce, check_label(body.label), body.kind)
        return Json({"state": pairing.shown_state, "device": None})

    async def wait(self, request: Request, id: str) -> Response:
        """To the device: how it went, when it is settled or after 25 s. To the owner: how it stands."""
        if principal(request).kind == "owner":
            return Json(self._desk.show(self._desk.get(id)))
        pairing = self._desk.find(id)
        if pairing is None:  # forgotten, by a restart perhaps; a device that came of one is not
            return Json({"state": "accepted", "device": self._sign_in.device(request).id})
        self._sign_in.check_key(request, pairing.opened.key if pairing.opened else None)
        device = await self._desk.wait(pairing)
        return Json({"state": pairing.shown_state, "device": device.id if device else None})

    async def accept(self, request: Request, id: str, body: models.Acceptance) -> Response:
        by = principal(request)
        device = await self._box.carry_out(lambda: self._desk.accept(id, body.number, by))
        return Json(device.show(by))

    async def call_off(self, id: str, body: models.Nothing | None = None) -> Response:
        pairing = self._desk.get(id)
        pairing.call_off()
        return Json(self._desk.show(pairing))
