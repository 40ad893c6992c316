"""What a proof must be to count, and what is wrong with all others."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from supervisor.core.pairing import b64u
from supervisor.core.proofs import (
    IAT_SECONDS,
    JTI_LIMIT,
    PROOF_LIMIT,
    Asked,
    check_claims,
    check_key,
    read_proof,
    token_hash,
)
from tests.flows.paired import Key
from workers.errors import Refused

KEYS = {kind: Key(kind) for kind in ("P-256", "Ed25519")}
NOW = 1_800_000_000.0
ASKED = Asked("GET", ("https://box.example", "http://localhost:7420"), "/v1/box")
URL = "https://box.example/v1/box"


def header(key: Key, **other: object) -> dict[str, object]:
    return {"typ": "dpop+jwt", "alg": key.algorithm, "jwk": key.jwk, **other}


def claims(**other: object) -> dict[str, object]:
    return {"htm": "GET", "htu": URL, "iat": NOW, "jti": "j1", "nonce": "n1", **other}


def why_unreadable(text: str) -> str:
    with pytest.raises(Refused) as caught:
        read_proof(text)
    assert (caught.value.code, caught.value.fields) == ("unauthenticated", {"error": "invalid_dpop_proof"})
    return caught.value.detail


def why_unfit(asked: Asked = ASKED, now: float = NOW, **other: object) -> str | None:
    proof = read_proof(KEYS["Ed25519"].jws(header(KEYS["Ed25519"]), claims(**other)))
    try:
        assert check_claims(proof, asked, now) == "j1"
    except Refused as refused:
        assert (refused.code, refused.fields) == ("unauthenticated", {"error": "invalid_dpop_proof"})
        return refused.detail
    return None


@pytest.fixture(params=KEYS)
def key(request: pytest.FixtureRequest) -> Key:
    return KEYS[str(request.param)]


def test_a_good_proof_names_its_key_and_what_it_says(key: Key) -> None:
    proof = read_proof(key.jws(header(key), claims()))
    assert proof.key == key.text
    assert proof.claims["nonce"] == "n1"
    assert check_claims(proof, ASKED, NOW) == "j1"


def test_what_a_browser_adds_to_its_public_key_does_not_matter(key: Key) -> None:
    jwk = {**key.jwk, "ext": True, "key_ops": ["verify"]}
    assert read_proof(key.jws(header(key, jwk=jwk), claims())).key == key.text


@pytest.mark.parametrize(
    "other",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "RS256"},
        {"alg": "Ed25519"},
        {"alg": 5},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"x5c": []},
        {"kid": "1"},
        {"crit": ["b64"]},
        {"b64": False},
        {"jwk": None},
        {"jwk": "key"},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
    ],
)
def test_a_header_of_another_kind_is_refused(key: Key, other: dict[str, object]) -> None:
    why_unreadable(key.jws(header(key, **other), claims()))


def test_a_header_without_a_part_is_refused(key: Key) -> None:
    for name in ("typ", "alg", "jwk"):
        without = {known: value for known, value in header(key).items() if known != name}
        why_unreadable(key.jws(without, claims()))


@pytest.mark.parametrize(
    "other",
    [
        {"d": "AAAA"},
        {"crv": "P-384"},
        {"crv": "X25519"},
        {"kty": "oct"},
        {"x": None},
        {"x": "AAAA"},
        {"x": b64u(bytes(32)), "y": b64u(bytes(32))},
        {"y": "AAAA", "kty": "EC", "crv": "P-256"},
    ],
)
def test_a_key_that_is_none_or_private_is_refused(key: Key, other: dict[str, object]) -> None:
    why_unreadable(key.jws(header(key, jwk={**key.jwk, **other}), claims()))


def test_a_signature_by_another_key_does_not_hold(key: Key) -> None:
    other = Key(key.kind)
    assert "signature" in why_unreadable(other.jws(header(key), claims()))
    good = key.jws(header(key), claims())
    assert "signature" in why_unreadable(good[:-20] + ("A" if good[-20] != "A" else "B") + good[-19:])
    assert "signature" in why_unreadable(good.rpartition(".")[0] + ".AAAA")
    head, _, signature = good.split(".")
    assert "signature" in why_unreadable(f"{head}.{b64u(json.dumps(claims(htm='POST')).encode())}.{signature}")


def test_one_kind_of_key_does_not_sign_as_another() -> None:
    p256, ed25519 = KEYS["P-256"], KEYS["Ed25519"]
    why_unreadable(p256.jws(header(p256, alg="EdDSA"), claims()))
    why_unreadable(ed25519.jws(header(ed25519, alg="ES256"), claims()))


@pytest.mark.parametrize(
    "text",
    ["", "a", "a.b", "..", "a.b.c.d", "{}", "a.b.c=", "a.b.\n", "é.b.c", "A.b.c", "x" * (PROOF_LIMIT + 1), "AAAAA.b.c"],
)
def test_what_is_no_compact_signature_is_refused(text: str) -> None:
    why_unreadable(text)


@pytest.mark.parametrize("part", [b"[]", b"{", b"\xff", b"1", b"[" * 2000])
def test_what_is_no_json_object_is_refused(key: Key, part: bytes) -> None:
    signed = b64u(json.dumps(header(key)).encode()) + "." + b64u(part)
    why_unreadable(f"{signed}.{b64u(key.sign(signed.encode()))}")
    why_unreadable(f"{base64.urlsafe_b64encode(part).decode().rstrip('=')}.e30.AAAA")


def test_a_payload_under_a_detached_header_is_refused(key: Key) -> None:
    good = key.jws(header(key), claims())
    head, _, signature = good.split(".")
    why_unreadable(f"{head}..{signature}")


def test_a_proof_is_for_one_method_and_address() -> None:
    assert why_unfit(htm="POST") and why_unfit(htm=None) and why_unfit(htm="get")
    fits = [
        URL,
        URL + "?after=1",
        URL + "#x",
        "HTTPS://BOX.example:443/v1/box",
        "http://localhost:7420/v1/box",
        "https://box.example/v1/%62ox",
    ]
    for htu in fits:
        assert why_unfit(htu=htu) is None, htu
    unfit: list[object] = [
        None,
        5,
        "",
        "/v1/box",
        "http://box.example/v1/box",
        "https://box.example:7420/v1/box",
        "https://evil.example/v1/box",
        "https://box.example/v1/box/",
        "https://box.example/v1",
        "https://user@box.example/v1/box",
        "https://box.example@evil.example/v1/box",
        "https://[::1/v1/box",
    ]
    for other in unfit:
        assert why_unfit(htu=other), other


def test_a_default_port_may_be_written_or_not() -> None:
    asked = replace(ASKED, origins=("http://box.example:80",))
    assert why_unfit(asked, htu="http://box.example/v1/box") is None
    assert why_unfit(asked, htu="http://box.example:8080/v1/box")
    assert why_unfit(replace(ASKED, origins=("unix://box",)), htu="unix://box/v1/box") is None


def test_a_proof_is_of_now() -> None:
    for off in (IAT_SECONDS, -IAT_SECONDS, 0):
        assert why_unfit(iat=NOW - off) is None
    assert why_unfit(iat=NOW - IAT_SECONDS - 1) == "the proof's time is +301 s off"
    assert why_unfit(iat=NOW + IAT_SECONDS + 1) == "the proof's time is -301 s off"
    for iat in (None, True, str(NOW), [NOW], float("inf"), float("nan"), 10**400):
        assert why_unfit(iat=iat), iat


def test_a_proof_has_a_name() -> None:
    for jti in (None, 5, "", "x" * (JTI_LIMIT + 1)):
        assert why_unfit(jti=jti)


def test_a_proof_with_a_token_is_for_that_token() -> None:
    asked = replace(ASKED, ath=token_hash("t1"))
    assert why_unfit(asked, ath=token_hash("t1")) is None
    assert why_unfit(asked) and why_unfit(asked, ath=token_hash("t2"))
    assert why_unfit(ath=token_hash("t1")) is None  # without a token nothing is said of one


def test_keys_are_told_apart_by_their_length(key: Key) -> None:
    assert check_key(key.text) == key.kind
    texts: list[Any] = ["", "AAAA", key.text + "A", b64u(b"\x04" + bytes(64)), b64u(b"\x02" + bytes(64))]
    for text in texts:
        with pytest.raises(Refused) as caught:
            check_key(text)
        assert caught.value.code == "invalid"
