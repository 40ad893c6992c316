"""A new device and the box become sure of each other, or the pairing ends."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.pairing import (
    CONTENDERS_KEPT,
    MOVES,
    PAIRING_SECONDS,
    SETTLED,
    TRIES_PER_ADDRESS,
    TRIES_PER_BOX,
    TRIES_SECONDS,
    WRONG_CODES,
    WRONG_NUMBERS,
    Pairing,
    State,
    Tries,
    Trigger,
    b64u,
    check_label,
    commitment,
    number,
    read_b64u,
    read_code,
    spell,
)
from workers.errors import Refused

CODE, SECRET = "7K3Q-2XWM", b64u(bytes(range(32)))
BOX_KEY, DEVICE_KEY = b"b" * 32, b"d" * 65
NONCE_B, NONCE_D = b"1" * 32, b"2" * 32
COMMIT = commitment(DEVICE_KEY, NONCE_D)
NUMBER = number(BOX_KEY, DEVICE_KEY, NONCE_B, NONCE_D)
WRONG = "000000" if NUMBER != "000000" else "000001"


class Watched:
    """A pairing, and how often it said that it is not as it was."""

    def __init__(self) -> None:
        self.changes = 0
        self.pairing = Pairing("pairing_1", CODE, SECRET, PAIRING_SECONDS, "in five minutes", self._changed)

    def _changed(self) -> None:
        self.changes += 1


def invited() -> Pairing:
    return Watched().pairing


def claimed() -> Pairing:
    pairing = invited()
    assert pairing.claim(COMMIT, NONCE_B, "192.0.2.1") == NONCE_B
    return pairing


def opened() -> Pairing:
    pairing = claimed()
    pairing.open(DEVICE_KEY, NONCE_D, BOX_KEY, "browser", "Ana's phone")
    return pairing


def refusal(pairing: Pairing, typed: str) -> Refused:
    with pytest.raises(Refused) as caught:
        pairing.accept(typed)
    return caught.value


def test_the_number_of_the_device_is_typed_at_the_box() -> None:
    pairing = opened()
    assert pairing.shown_state == "waiting"
    device = pairing.accept(NUMBER)
    assert (device.key, device.kind, device.label) == (b64u(DEVICE_KEY), "browser", "Ana's phone")
    assert pairing.shown_state == "waiting"  # until it is on disk
    pairing.settle(is_written=True)
    assert pairing.shown_state == "accepted"
    assert refusal(pairing, NUMBER).code == "invalid_state"


def test_a_device_that_could_not_be_written_down_may_be_accepted_again() -> None:
    pairing = opened()
    pairing.accept(NUMBER)
    assert refusal(pairing, NUMBER).code == "invalid_state"  # two who type it at once make one device
    pairing.settle(is_written=False)
    assert pairing.accept(NUMBER)


def test_the_formulas_are_those_of_the_protocol() -> None:
    assert hashlib.sha256(b"rc-pair-1" + DEVICE_KEY + NONCE_D).digest() == COMMIT
    whole = hashlib.sha256(b"rc-number-1" + BOX_KEY + DEVICE_KEY + NONCE_B + NONCE_D).digest()
    assert int(NUMBER) == int.from_bytes(whole, "big") % 1_000_000
    assert re.fullmatch("[0-9]{6}", NUMBER)


def test_the_third_wrong_number_ends_it() -> None:
    pairing = opened()
    for left in range(WRONG_NUMBERS - 1, 0, -1):
        refused = refusal(pairing, WRONG)
        assert (refused.code, refused.fields["tries_left"], pairing.tries_left) == ("invalid", left, left)
    assert "ended" in refusal(pairing, WRONG).detail
    assert pairing.shown_state == "refused"
    assert refusal(pairing, NUMBER).code == "invalid_state"


def test_no_number_is_taken_before_a_device_has_opened_its_commitment() -> None:
    assert refusal(invited(), NUMBER).hint == "try again in a moment"
    assert refusal(claimed(), NUMBER).code == "invalid_state"


def test_the_fifth_wrong_code_ends_it() -> None:
    watched = Watched()
    pairing = watched.pairing
    for _ in range(WRONG_CODES - 1):
        assert not pairing.knows_code("7KAAAAAA")
    assert (pairing.tries_left, watched.changes) == (1, WRONG_CODES - 1)
    assert not pairing.knows_code("7KAAAAAA")
    assert pairing.state is State.REFUSED
    assert not pairing.knows_code("7KAAAAAA")
    assert pairing.knows_code(read_code(CODE))
    with pytest.raises(Refused) as caught:
        pairing.claim(COMMIT, NONCE_B, "192.0.2.1")
    assert caught.value.code == "not_found"


def test_codes_do_not_count_once_it_is_claimed() -> None:
    pairing = claimed()
    for _ in range(WRONG_CODES):
        assert not pairing.knows_code("7KAAAAAA")
    assert (pairing.state, pairing.tries_left) == (State.CLAIMED, WRONG_NUMBERS)


def test_it_knows_its_secret_and_its_name() -> None:
    pairing = invited()
    assert pairing.knows_secret(SECRET)
    assert not pairing.knows_secret(SECRET[:-1])
    assert pairing.name == "7K"


def test_whoever_comes_second_is_told_and_remembered() -> None:
    watched = Watched()
    pairing = watched.pairing
    pairing.claim(COMMIT, NONCE_B, "192.0.2.1")
    for last in range(2, 30):
        with pytest.raises(Refused) as caught:
            pairing.claim(b"x" * 32, b"9" * 32, f"192.0.2.{last}")
        assert caught.value.code == "already_claimed"
    assert pairing.claimed is not None and pairing.claimed.address == "192.0.2.1"
    assert list(pairing.contenders) == [f"192.0.2.{2 + number}" for number in range(CONTENDERS_KEPT)]
    assert watched.changes > CONTENDERS_KEPT


def test_a_claim_or_an_opening_may_be_repeated_when_its_answer_was_lost() -> None:
    pairing = claimed()
    assert pairing.claim(COMMIT, b"9" * 32, "192.0.2.7") == NONCE_B
    assert not pairing.contenders
    for _ in range(2):
        pairing.open(DEVICE_KEY, NONCE_D, BOX_KEY, "browser", "Ana's phone")
    assert pairing.accept(NUMBER)


@pytest.mark.parametrize(("key", "nonce"), [(b"e" * 65, NONCE_D), (DEVICE_KEY, b"3" * 32)])
def test_a_commitment_that_does_not_hold_ends_it(key: bytes, nonce: bytes) -> None:
    pairing = claimed()
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            pairing.open(key, nonce, BOX_KEY, "browser", "x")
        assert caught.value.code == "invalid"
    assert pairing.shown_state == "refused"


def test_a_commitment_that_does_not_hold_does_not_shake_one_that_did() -> None:
    pairing = opened()
    with pytest.raises(Refused):
        pairing.open(b"e" * 65, NONCE_D, BOX_KEY, "browser", "x")
    assert pairing.accept(NUMBER)


def test_nothing_is_opened_that_nobody_claimed() -> None:
    with pytest.raises(Refused) as caught:
        invited().open(DEVICE_KEY, NONCE_D, BOX_KEY, "browser", "x")
    assert caught.value.code == "invalid_state"


def test_it_ends_after_five_minutes_or_when_it_is_called_off() -> None:
    for make in (invited, claimed, opened):
        pairing = make()
        pairing.expire(PAIRING_SECONDS - 0.1)
        assert not pairing.is_settled
        pairing.expire(PAIRING_SECONDS)
        assert pairing.shown_state == "expired"
        pairing.call_off()
        assert pairing.shown_state == "expired"
        pairing = make()
        pairing.call_off()
        assert pairing.shown_state == "refused"


def test_a_device_that_is_being_written_down_does_not_expire() -> None:
    pairing = opened()
    pairing.accept(NUMBER)
    pairing.expire(PAIRING_SECONDS)
    pairing.settle(is_written=True)
    assert pairing.shown_state == "accepted"


def test_what_is_settled_stays_as_it_is() -> None:
    assert not {state for state, _ in MOVES} & set(SETTLED)
    assert {trigger for _, trigger in MOVES} == set(Trigger)


def test_what_is_secret_is_not_shown_by_accident() -> None:
    pairing = opened()
    shown = repr((pairing, pairing.claimed, pairing.opened, vars(pairing)))
    for secret in (CODE, CODE.replace("-", ""), SECRET, NUMBER, b64u(NONCE_B), repr(NONCE_B), repr(COMMIT)):
        assert secret not in shown


# Codes, keys and labels


@given(st.binary(min_size=5, max_size=5))
def test_a_code_is_read_as_it_is_typed(octets: bytes) -> None:
    code = spell(octets)
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", code)
    letters = code.replace("-", "")
    misread = code.lower().replace("0", "o").replace("1", "l")
    assert read_code(misread) == read_code(f" {letters} ") == letters


def test_every_code_is_another() -> None:
    assert spell(bytes(5)) == "0000-0000"
    assert spell(b"\xff" * 5) == "ZZZZ-ZZZZ"
    assert spell(bytes((0, 0, 0, 0, 1))) == "0000-0001"


@pytest.mark.parametrize("typed", ["", "7K3Q-2XW", "7K3Q-2XWMM", "7K3Q-2XWU", "7K3Q-2XW!", "７K3Q2XWM"])
def test_what_is_no_code_is_invalid(typed: str) -> None:
    with pytest.raises(Refused) as caught:
        read_code(typed)
    assert caught.value.code == "invalid"


@given(st.binary(min_size=32, max_size=32))
def test_octets_come_back_from_their_text(octets: bytes) -> None:
    assert read_b64u(b64u(octets), 65, 32) == octets


@pytest.mark.parametrize("text", ["", "AA", "A" * 42, "A" * 43 + "=", "+" * 43, "A" * 42 + "B", "A" * 44, "ä" * 43])
def test_what_is_not_exactly_base64url_of_the_length_is_invalid(text: str) -> None:
    with pytest.raises(Refused) as caught:
        read_b64u(text, 32)
    assert caught.value.code == "invalid"
    assert not text or text not in caught.value.detail


def test_a_label_is_one_line_that_can_be_read() -> None:
    assert check_label(" Ana's phone (Safari) ") == "Ana's phone (Safari)"
    for label in ("", " ", "x" * 65, "a\nb", "a\x1b[31m", "a\u202eb", "a\u2066b", "a\ud800"):
        with pytest.raises(Refused) as caught:
            check_label(label)
        assert caught.value.fields["field"] == "label"


# Tries


def wrong(tries: Tries, address: str, now: float) -> Refused | None:
    try:
        tries.check(address, now)
    except Refused as refused:
        return refused
    tries.count(address, now)
    return None


def test_one_address_has_twenty_tries_in_ten_minutes() -> None:
    tries = Tries()
    for second in range(TRIES_PER_ADDRESS):
        assert wrong(tries, "192.0.2.1", second) is None
    refused = wrong(tries, "192.0.2.1", 20.0)
    assert refused is not None and (refused.code, refused.fields) == ("rate_limited", {"retry_after": 581})
    assert wrong(tries, "192.0.2.2", 20.0) is None
    assert wrong(tries, "192.0.2.1", TRIES_SECONDS) is None
    assert wrong(tries, "192.0.2.1", TRIES_SECONDS) is not None


def test_one_network_of_ipv6_counts_as_one_address() -> None:
    tries = Tries()
    for each in range(TRIES_PER_ADDRESS):
        assert wrong(tries, f"2001:db8::{each:x}", 0.0) is None
    assert wrong(tries, "2001:db8::ffff:1", 0.0) is not None
    assert wrong(tries, "2001:db8:0:1::1", 0.0) is None


def test_everybody_together_has_a_hundred() -> None:
    tries = Tries()
    for each in range(TRIES_PER_BOX):
        assert wrong(tries, f"192.0.2.{each}", 0.0) is None
    assert wrong(tries, "198.51.100.1", 1.0) is not None
    assert wrong(tries, "198.51.100.1", TRIES_SECONDS) is None
