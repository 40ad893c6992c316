"""Proofs, judged by the side that takes them."""

from __future__ import annotations

import time

import pytest

from supervisor.client.devicekeys import new_key
from supervisor.client.signin import SignIn
from supervisor.core.pairing import b64u
from supervisor.core.proofs import Asked, check_claims, read_proof, token_hash
from workers.errors import Broken, Refused

ORIGIN = "https://box.example:7420"


def asked(method: str, path: str, token: str | None = None) -> Asked:
    return Asked(method, (ORIGIN,), path, token_hash(token) if token else None)


def test_a_request_is_proven_by_key_and_token() -> None:
    key = new_key()
    headers = SignIn(key, ORIGIN).with_token("secret", "GET", "/v1/code/sessions/a%2Fb?q=1")
    assert headers["Authorization"] == "DPoP secret"
    proof = read_proof(headers["DPoP"])
    assert proof.key == b64u(key.public)
    assert check_claims(proof, asked("GET", "/v1/code/sessions/a/b", "secret"), time.time())
    with pytest.raises(Refused):
        check_claims(proof, asked("GET", "/v1/code/sessions/a/b", "another"), time.time())


def test_no_two_proofs_are_the_same() -> None:
    sign_in = SignIn(new_key(), ORIGIN)
    first, second = (read_proof(sign_in.alone("POST", "/v1/tokens")["DPoP"]) for _ in range(2))
    assert first.claims["jti"] != second.claims["jti"]
    assert "ath" not in first.claims


def test_the_nonce_of_the_last_answer_goes_into_the_next_proof() -> None:
    sign_in = SignIn(new_key(), ORIGIN)
    assert sign_in.heed({"DPoP-Nonce": "n1", "WWW-Authenticate": 'DPoP error="use_dpop_nonce"'})
    assert read_proof(sign_in.alone("POST", "/v1/tokens")["DPoP"]).claims["nonce"] == "n1"
    assert not sign_in.heed({"DPoP-Nonce": "n2"})
    assert not sign_in.heed({})
    assert read_proof(sign_in.alone("POST", "/v1/tokens")["DPoP"]).claims["nonce"] == "n2"


def test_only_the_token_that_was_refused_is_forgotten() -> None:
    sign_in = SignIn(new_key(), ORIGIN)
    assert sign_in.take_token({"access_token": "new"}) == "new"
    sign_in.forget_token("old")
    assert sign_in.token == "new"
    sign_in.forget_token("new")
    assert sign_in.token is None


@pytest.mark.parametrize("answer", [None, [], {}, {"access_token": 1}, {"access_token": "a\r\nb"}])
def test_an_answer_without_a_token_is_broken(answer: object) -> None:
    with pytest.raises(Broken):
        SignIn(new_key(), ORIGIN).take_token(answer)


def test_a_device_that_is_not_known_is_told_what_helps() -> None:
    sign_in = SignIn(new_key(), ORIGIN)
    told = sign_in.explained(Refused("unauthenticated", "no", "pair it: rc pair at the box", status=401))
    assert (told.code, told.fields) == ("unauthenticated", {"status": 401})
    assert "does not know this device" in told.detail
    assert f"rc login {ORIGIN}" in told.hint
    for other in (Refused("rate_limited", "x"), Refused("unauthenticated", "off", "set this device's clock, then…")):
        assert sign_in.explained(other) is other
