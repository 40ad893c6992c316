"""What a request to a box elsewhere carries: a token, and a proof of the device's key (RFC 9449) made for it alone."""

from __future__ import annotations

import hashlib
import json
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from supervisor.core.pairing import b64u
from workers.errors import Broken, Refused

NONCE, CHALLENGE = "DPoP-Nonce", "WWW-Authenticate"
USE_NONCE = "use_dpop_nonce"
_SECRET = re.compile(r"[A-Za-z0-9._~+/=-]{1,1024}")


class Key(Protocol):
    """An Ed25519 key of this device. `public` are its 32 octets."""

    @property
    def public(self) -> bytes: ...

    def sign(self, data: bytes) -> bytes:
        """The signature, 64 octets. Raises Refused when the key cannot be had."""


class SignIn:
    """One device at one box, `origin` being `https://host[:port]`. The token lives here and nowhere else."""

    def __init__(self, key: Key, origin: str) -> None:
        self.token: str | None = None
        self._key = key
        self._origin = origin
        self._nonce: str | None = None

    def with_token(self, token: str, method: str, target: str) -> dict[str, str]:
        """Headers for a request; `target` is path and query."""
        ath = b64u(hashlib.sha256(token.encode()).digest())
        return {"Authorization": f"DPoP {token}", "DPoP": self._proof(method, target, ath=ath)}

    def alone(self, method: str, target: str) -> dict[str, str]:
        """Headers for a request that needs no token."""
        return {"DPoP": self._proof(method, target)}

    def heed(self, headers: Mapping[str, str] | Any) -> bool:
        """Take the nonce of an answer; whether the answer is no more than that it wants one."""
        self._nonce = headers.get(NONCE) or self._nonce
        return USE_NONCE in (headers.get(CHALLENGE) or "")

    def take_token(self, answer: Any) -> str:
        """The token in an answer, kept for the next requests."""
        self.token = text_of(answer, "access_token")
        return self.token

    def forget_token(self, token: str) -> None:
        """It is no longer taken. Another one, which somebody has got meanwhile, stays."""
        if self.token == token:
            self.token = None

    def explained(self, refusal: Refused) -> Refused:
        """A refusal of the key itself by the box, with what helps."""
        is_the_boxs = refusal.code == "unauthenticated" and "status" in refusal.fields
        if not is_the_boxs or "clock" in refusal.hint:
            return refusal
        detail = f"{self._origin} does not know this device, or no longer does"
        return Refused("unauthenticated", detail, f"pair it anew: rc login {self._origin}", **refusal.fields)

    def _proof(self, method: str, target: str, **more: str) -> str:
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64u(self._key.public)}
        header = {"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk}
        claims = {"htm": method, "htu": self._origin + urlsplit(target).path, "iat": int(time.time())}
        named = {"jti": str(uuid.uuid4()), **({"nonce": self._nonce} if self._nonce else {}), **more}
        signed = ".".join(b64u(json.dumps(part).encode()) for part in (header, {**claims, **named}))
        return f"{signed}.{b64u(self._key.sign(signed.encode()))}"


def text_of(answer: Any, name: str) -> str:
    """A secret that the box gave, which goes into a header. Raises Broken for what is none."""
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, str) or not _SECRET.fullmatch(value):
        raise Broken(f"the box gave no {name.replace('_', ' ')}")
    return value
