"""A proof is fresh, and counts once."""

from __future__ import annotations

import pytest

from supervisor.identity.nonces import WINDOW_SECONDS, Nonces
from workers.errors import Refused


def why(nonces: Nonces, nonce: object, jti: str = "j", now: float = 0.0, key: str = "k") -> str | None:
    try:
        nonces.use(nonce, key, jti, now)
    except Refused as refused:
        return str(refused.fields.get("error", refused.code))
    return None


def test_a_nonce_is_good_for_its_time_and_the_next() -> None:
    nonces = Nonces(b"secret")
    first = nonces.current(0.0)
    assert nonces.current(WINDOW_SECONDS - 1) == first != nonces.current(WINDOW_SECONDS)
    assert why(nonces, first) is None
    assert why(nonces, first, "j2", WINDOW_SECONDS * 2 - 1) is None
    assert why(nonces, first, "j3", WINDOW_SECONDS * 2) == "use_dpop_nonce"


@pytest.mark.parametrize("nonce", [None, "", 5, "x", ["a"], "é", "\ud800"])
def test_what_is_no_nonce_of_ours_is_sent_back_for_one(nonce: object) -> None:
    assert why(Nonces(b"secret"), nonce) == "use_dpop_nonce"
    assert why(Nonces(b"secret"), Nonces(b"another").current(0.0)) == "use_dpop_nonce"


def test_one_of_the_time_to_come_is_none_yet() -> None:
    nonces = Nonces(b"secret")
    assert why(nonces, nonces.current(WINDOW_SECONDS)) == "use_dpop_nonce"


def test_a_proof_counts_once_for_as_long_as_its_nonce() -> None:
    nonces = Nonces(b"secret")
    nonce = nonces.current(0.0)
    assert why(nonces, nonce) is None
    for now in (0.0, 1.0, WINDOW_SECONDS * 2 - 1):
        assert why(nonces, nonce, now=now) == "invalid_dpop_proof"
    assert why(nonces, nonce, key="another device") is None
    assert why(nonces, nonces.current(WINDOW_SECONDS * 2), now=WINDOW_SECONDS * 2) is None


def test_a_device_that_asks_too_often_waits_and_no_other_does() -> None:
    nonces = Nonces(b"secret", most=20)
    nonce = nonces.current(0.0)
    for number in range(20):
        nonces.use(nonce, "k", str(number), 0.0)
    assert why(nonces, nonce) == "rate_limited"
    assert why(nonces, nonce, "1") == "invalid_dpop_proof"
    assert why(nonces, nonce, key="another device") is None
    assert why(nonces, nonces.current(WINDOW_SECONDS), now=WINDOW_SECONDS) is None


def test_all_devices_together_have_a_bound_and_who_has_most_meets_it_first() -> None:
    nonces = Nonces(b"secret", most=1000, most_of_all=100)
    nonce = nonces.current(0.0)

    def ask(key: str, times: int = 200) -> int:
        return [why(nonces, nonce, str(number), key=key) for number in range(times)].count(None)

    assert ask("greedy") == 50
    assert ask("modest", 10) == 10
    assert ask("another") == 20
    assert ask("greedy") == 0
    assert sum(ask(f"one of many {number}") for number in range(200)) == 20
    assert why(nonces, nonce, key="one too many") == "rate_limited"
    assert why(nonces, nonce, "1", key="greedy") == "invalid_dpop_proof"


def test_there_is_room_again_when_a_nonce_is_too_old() -> None:
    nonces = Nonces(b"secret", most_of_all=4)
    for window in range(10):
        now = window * 2 * WINDOW_SECONDS
        nonce = nonces.current(now)
        assert [why(nonces, nonce, jti, now) for jti in "abc"] == [None, None, "rate_limited"]
