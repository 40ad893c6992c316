"""This device's side of pairing: the commitment exchange, up to the six digits that somebody types at the box."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from supervisor.client.address import Address
from supervisor.client.api import PASSING, Client
from supervisor.client.signin import Key
from supervisor.client.web import origin_of, web
from supervisor.core.pairing import PAIRING_SECONDS, b64u, commitment, number, read_b64u, read_code
from workers.errors import Broken, Refused

P256, ED25519, NONCE, DIGEST = 65, 32, 32, 32  # octets
KIND = "cli"
AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Invitation:
    """Where a box is, and what lets one device claim a pairing there: the `secret` of a link, which also holds the
    hash of the `box_key`, or else a code."""

    origin: str
    secret: str | None = field(default=None, repr=False)
    box_key: bytes | None = None


def read_link(text: str) -> Invitation:
    """`https://host[:port]`, or a link as the box shows it, `…/pair#SECRET.HASH`. Raises Refused `invalid`."""
    place, _, fragment = text.partition("#")
    origin = origin_of(place)
    if urlsplit(place).path not in ("", "/", "/pair") or urlsplit(place).query:
        raise Refused("invalid", "this is no pairing link", "copy it as the box shows it: rc pair")
    if not fragment:
        return Invitation(origin)
    secret, _, hash = fragment.partition(".")
    try:
        read_b64u(secret, NONCE)
        return Invitation(origin, secret, read_b64u(hash, DIGEST))
    except Refused as refused:  # whose words are about base64
        raise Refused("invalid", "the pairing link is not whole", "copy all of it: rc pair shows it") from refused


def claim_with(invitation: Invitation, code: str | None) -> dict[str, str]:
    """What claims it. Raises Refused `invalid` for what cannot be a code."""
    if invitation.secret is not None:
        return {"secret": invitation.secret}
    return {"code": read_code(code or "")}


@dataclass(frozen=True, slots=True)
class Pairing:
    """One exchange. `nonce` is 32 octets of chance; `show` is told the six digits. Raises Refused, Broken."""

    invitation: Invitation
    key: Key
    ca: str | None
    nonce: bytes = field(repr=False)
    label: str
    show: Callable[[str], None]

    def carry_out(self, by: dict[str, str]) -> str:
        """Until it is settled at the box: this device's id there."""
        anybody = Client(Address(web(self.invitation.origin, None, self.ca), None))
        public = self.key.public
        claimed = anybody.post("/v1/pairings/claim", {**by, "commit": b64u(commitment(public, self.nonce))})
        id, box_key, nonce_b = _claimed(claimed)
        self._check(box_key)
        opening = {"device_key": b64u(public), "nonce_d": b64u(self.nonce), "label": self.label, "kind": KIND}
        anybody.post(f"/v1/pairings/{id}/open", opening)
        self.show(number(box_key, public, nonce_b, self.nonce))
        return self._settled(id)

    def _check(self, box_key: bytes) -> None:
        """The key is the one that the link names; a code names none, and there the digits alone tell."""
        hash = self.invitation.box_key
        if hash is not None and not hmac.compare_digest(hashlib.sha256(box_key).digest(), hash):
            raise Refused(
                "not_allowed",
                f"what answers at {self.invitation.origin} is not the box that made this link",
                "somebody may stand between; ask at the box, and pair on a network that you trust",
            )

    def _settled(self, id: str) -> str:
        device = Client(Address(web(self.invitation.origin, self.key, self.ca), None))
        until = time.monotonic() + PAIRING_SECONDS
        answer = {"state": "waiting"}
        while answer["state"] == "waiting":  # the box answers when it is settled, or after 25 s
            try:
                answer = device.prove("GET", f"/v1/pairings/{id}")
            except (Broken, Refused) as error:
                # Somebody may type the digits while the line is cut: whoever gives up leaves a device there.
                is_passing = isinstance(error, Broken) or error.code in PASSING
                if not is_passing or time.monotonic() >= until:
                    raise
                time.sleep(AGAIN_SECONDS)
        if answer["state"] == "accepted":
            return str(answer["device"])
        told = "was refused at the box" if answer["state"] == "refused" else "took too long"
        raise Refused("not_allowed", f"the pairing {told}", "another one begins with: rc pair")


def _claimed(answer: Any) -> tuple[str, bytes, bytes]:
    try:
        return str(answer["id"]), read_b64u(answer["box_key"], P256, ED25519), read_b64u(answer["nonce_b"], NONCE)
    except (Refused, KeyError, TypeError, AttributeError) as error:
        raise Broken("the box answered with something that is no pairing") from error
