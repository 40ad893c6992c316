"""Tokens of remote workers: what holds, and what does not."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from supervisor.core.workertokens import EXPIRES_IN, Claims, WorkerTokens
from workers.errors import Refused

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
TOKENS = WorkerTokens(KEY)
CLAIMS = Claims("session_a", 3)
NOW = 1_800_000_000.5


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def signed(header: object, claims: object, key: Ed25519PrivateKey = KEY) -> str:
    said = f"{b64u(json.dumps(header).encode())}.{b64u(json.dumps(claims).encode())}"
    return f"{said}.{b64u(key.sign(said.encode()))}"


HEADER = {"alg": "EdDSA", "typ": "rc-worker+jwt"}
TOLD = {"session": "session_a", "generation": 3, "exp": int(NOW) + 60}


def test_a_token_says_whom_it_is_for_for_fifteen_minutes() -> None:
    token = TOKENS.sign(CLAIMS, NOW)
    assert EXPIRES_IN == 900
    assert TOKENS.read(token, NOW) == TOKENS.read(token, NOW + 899) == CLAIMS
    by_device = Claims("session_a", 3, "device_a")
    assert TOKENS.read(TOKENS.sign(by_device, NOW), NOW) == by_device
    with pytest.raises(Refused, match="has expired") as caught:
        TOKENS.read(token, NOW + 900)
    assert caught.value.code == "unauthenticated"


def test_what_others_sign_by_the_same_rules_is_read() -> None:
    assert TOKENS.read(signed(HEADER, TOLD), NOW) == CLAIMS


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "x" * 3000,
        TOKENS.sign(CLAIMS, NOW) + "A",
        TOKENS.sign(CLAIMS, NOW).replace(".", ""),
        signed(HEADER, TOLD, Ed25519PrivateKey.from_private_bytes(b"o" * 32)),
        signed({**HEADER, "typ": "dpop+jwt"}, TOLD),
        signed({"alg": "EdDSA"}, TOLD),
        signed({**HEADER, "kid": "1"}, TOLD),
        signed({**HEADER, "alg": "none"}, TOLD),
        signed({**HEADER, "alg": "HS256"}, TOLD),
        signed(HEADER, {"session": "session_a", "generation": 3}),
        signed(HEADER, [1]),
        f"{b64u(b'not json')}.{b64u(b'{}')}.AAAA",
    ],
)
def test_anything_else_is_none(token: str) -> None:
    with pytest.raises(Refused, match="no worker token of this box") as caught:
        TOKENS.read(token, NOW)
    assert caught.value.code == "unauthenticated"
