"""Tokens of remote workers: an EdDSA JWT of the box's, good for one session and one generation, 15 minutes.

RFC 7519 with an explicit type (RFC 8725 §3.11), so that nothing else that the box ever signs is one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from supervisor.core.jws import OnlyThese
from workers.errors import Refused

EXPIRES_IN = 900  # seconds, by the contract
MOST = 2048  # characters; ours have 300
_TYPE, _ALGORITHM = "rc-worker+jwt", "EdDSA"


_REGISTRY = OnlyThese(_ALGORITHM, most=MOST)


@dataclass(frozen=True, slots=True)
class Claims:
    """Whom a token is for. `device` asked for it, None on the box's own socket: with it the token is void."""

    session: str
    generation: int
    device: str | None = None


class WorkerTokens:
    """`now` is seconds since 1970."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = OKPKey.import_key(key)

    def sign(self, claims: Claims, now: float) -> str:
        told = {"session": claims.session, "generation": claims.generation, "exp": int(now) + EXPIRES_IN}
        if claims.device is not None:
            told["device"] = claims.device
        header = {"alg": _ALGORITHM, "typ": _TYPE}
        return jws.serialize_compact(header, json.dumps(told), self._key, registry=_REGISTRY)

    def read(self, token: str, now: float) -> Claims:
        """Raises Refused `unauthenticated` for anything but a token of this box that is not over."""
        try:
            if not _REGISTRY.fits(token):
                raise ValueError("not a token")
            read = jws.deserialize_compact(token, self._key, registry=_REGISTRY)
            told = json.loads(read.payload or b"")
            if read.headers() != {"alg": _ALGORITHM, "typ": _TYPE}:
                raise ValueError("another type")
            session, generation, expires = told["session"], told["generation"], told["exp"]
            device = told.get("device")
        except (JoseError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _refused("this is no worker token of this box") from error
        if now >= expires:
            raise _refused("this worker token has expired")
        return Claims(session, generation, device)


def _refused(detail: str) -> Refused:
    return Refused("unauthenticated", detail, "get a new exchange: rc bridge SESSION")
