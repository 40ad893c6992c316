"""Proofs of possession (DPoP, RFC 9449): what a device signs for each request, and what is wrong with one."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from supervisor.core.jws import OnlyThese
from supervisor.core.pairing import b64u, read_b64u
from workers.errors import Refused

PROOF_LIMIT = 4096  # characters; ours have 500
JTI_LIMIT = 128  # characters
IAT_SECONDS = 300.0  # how wrong a clock may be; that a proof is fresh, the nonce tells
USE_NONCE = "use_dpop_nonce"
INVALID_PROOF = "invalid_dpop_proof"
INVALID_TOKEN = "invalid_token"
P256, ED25519 = 65, 32  # octets of a public key: an uncompressed point, or the key itself
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_HEADER = {"typ", "alg", "jwk"}  # nothing else: no jku, x5u, x5c, kid, crit, b64


_REGISTRY = OnlyThese("ES256", "EdDSA", most=PROOF_LIMIT)


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof whose signature holds: by `key`, the text of a public key; what it says is not checked yet."""

    key: str
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """The request that a proof is to be for. `origins` are those (`https://box.example:7420`) under which the client
    may see us, `path` is decoded; `ath` is the SHA-256 of the access token that came with it, None without one."""

    method: str
    origins: tuple[str, ...]
    path: str
    ath: str | None = None


def unauthenticated(error: str, detail: str, hint: str = "sign in again") -> Refused:
    """A sign-in that did not work, `error` being one of the words of RFC 9449."""
    return Refused("unauthenticated", detail, hint, error=error)


def check_key(text: str) -> str:
    """A public key as text: P-256 or Ed25519. Raises Refused(`invalid`); gives the name of its kind."""
    octets = read_b64u(text, P256, ED25519)
    if len(octets) == ED25519:
        return "Ed25519"
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), octets)
    except ValueError:
        raise Refused("invalid", "this is no point of P-256", "send the uncompressed point, 65 octets") from None
    return "P-256"


def token_hash(token: str) -> str:
    """`ath` of an access token."""
    return b64u(hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest())


def read_proof(text: str) -> Proof:
    """Check the signature and the form. Raises Refused(`unauthenticated`)."""
    if not _REGISTRY.fits(text):
        raise _bad("the DPoP header is no signed proof")
    header = _object(text.partition(".")[0])
    if set(header) != _HEADER or header["typ"] != "dpop+jwt":
        raise _bad("a proof has the header fields typ (dpop+jwt), alg and jwk, and no other")
    algorithm, key, public = _key(header["jwk"])
    if header["alg"] != algorithm:
        raise _bad(f"a proof by this kind of key is signed with {algorithm}")
    try:
        signed = jws.deserialize_compact(text, key, registry=_REGISTRY)
    except (JoseError, ValueError):
        raise _bad("the proof's signature does not hold") from None
    return Proof(public, _parsed(signed.payload))


def check_claims(proof: Proof, asked: Asked, now: float) -> str:
    """Whether a proof is for this request, apart from its nonce: its `jti`. `now` is seconds since 1970.

    Raises Refused(`unauthenticated`).
    """
    claims = proof.claims
    if claims.get("htm") != asked.method:
        raise _bad("the proof is for another method")
    if not _is_address(claims.get("htu"), asked):
        raise _bad("the proof is for another address")
    jti, off = claims.get("jti"), now - _seconds(claims.get("iat"))
    if not abs(off) <= IAT_SECONDS:
        detail = f"the proof's time is {off:+.0f} s off"
        raise unauthenticated(INVALID_PROOF, detail, "set this device's clock, then try again")
    if not isinstance(jti, str) or not 1 <= len(jti) <= JTI_LIMIT:
        raise _bad(f"the proof has no jti of 1 to {JTI_LIMIT} characters")
    if asked.ath is not None and claims.get("ath") != asked.ath:
        raise _bad("the proof is for another access token")
    return jti


def _is_address(htu: object, asked: Asked) -> bool:
    """By its parts, so that what may be written in two ways is the same; a query or fragment is not part of it."""
    if not isinstance(htu, str):
        return False
    try:
        return _origin(htu) in map(_origin, asked.origins) and unquote(urlsplit(htu).path) == asked.path
    except ValueError:
        return False


def _origin(url: str) -> str:
    """Scheme and place; the port that a scheme has anyway is left away."""
    parts = urlsplit(url.lower())
    return f"{parts.scheme}://{parts.netloc.removesuffix(DEFAULT_PORTS.get(parts.scheme, ':'))}"


def _seconds(value: object) -> float:
    """A number of seconds in a claim; what is none is far from every time."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.inf
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _key(jwk: object) -> tuple[str, ECKey | OKPKey, str]:
    """Algorithm, key, and its text, of a public key. Raises Refused(`unauthenticated`)."""
    if not isinstance(jwk, dict) or "d" in jwk:
        raise _bad("the proof's jwk is no public key")
    try:
        match jwk.get("kty"), jwk.get("crv"):
            case "EC", "P-256":
                x, y = (read_b64u(str(jwk.get(name)), 32) for name in ("x", "y"))
                text = b64u(b"\x04" + x + y)
                check_key(text)
                return "ES256", ECKey.import_key({"kty": "EC", "crv": "P-256", "x": b64u(x), "y": b64u(y)}), text
            case "OKP", "Ed25519":
                text = b64u(read_b64u(str(jwk.get("x")), ED25519))
                return "EdDSA", OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": text}), text
    except Refused:
        pass
    raise _bad("the proof's jwk is no public key of P-256 or Ed25519")


def _object(part: str) -> dict[str, Any]:
    try:
        return _parsed(read_b64u_any(part))
    except Refused:
        raise _bad("the proof's header is not base64url") from None


def read_b64u_any(text: str) -> bytes:
    """base64url of any length."""
    return read_b64u(text, len(text) * 3 // 4)


def _parsed(octets: bytes) -> dict[str, Any]:
    try:
        value = json.loads(octets)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _bad("the proof is not made of JSON objects")
    return value


def _bad(why: str) -> Refused:
    return unauthenticated(INVALID_PROOF, why, "make a proof as RFC 9449 says")
