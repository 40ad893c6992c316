"""Somebody between the new device and the box, with keys of their own choice.

Without the commitment they come in: that they do is seen first, so that the test is known to be able to fail.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from supervisor.core.access import OWNER
from supervisor.core.pairing import WRONG_NUMBERS, commitment, number, read_b64u
from supervisor.identity.boxkey import load_box_key
from supervisor.identity.desk import Desk, Invitation
from supervisor.identity.devices import Devices
from supervisor.store import Store
from tests.supervisor.identity.parts import Hands
from workers.errors import Refused


def key() -> bytes:
    return Ed25519PrivateKey.generate().public_key().public_bytes_raw()


def plain_number(box_key: bytes, device_key: bytes) -> str:
    """What the six digits would be without the commitment: made of the two keys alone."""
    return f"{int.from_bytes(hashlib.sha256(box_key + device_key).digest(), 'big') % 10**6:06}"


def colliding(towards_device: Callable[[bytes], str], towards_box: Callable[[bytes], str]) -> tuple[bytes, bytes]:
    """Two values for which both sides see the same number: by the birthday paradox some thousand are enough."""
    seen: dict[str, bytes] = {}
    tries: Iterator[bytes] = iter(lambda: os.urandom(32), b"")
    for value in tries:
        seen[towards_device(value)] = value
        if (other := seen.get(towards_box(again := os.urandom(32)))) is not None:
            return other, again
    raise AssertionError("there is always another value")


def test_against_the_keys_alone_the_attacker_wins() -> None:
    box_key, device_key = key(), key()
    fake_box, fake_device = colliding(lambda k: plain_number(k, device_key), lambda k: plain_number(box_key, k))
    shown = plain_number(fake_box, device_key)  # by the device, which talks to the attacker
    assert shown == plain_number(box_key, fake_device)  # by the box, which lets the attacker in
    assert fake_device != device_key


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    hands = Hands()
    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        yield Desk(load_box_key(str(tmp_path)), Devices(store, hands.clock, []), hands.clock, lambda _: None)


class Attacker:
    """Claims a pairing at the box before the device does, whose words all pass through their hands."""

    def __init__(self, desk: Desk, invitation: Invitation) -> None:
        self.desk = desk
        self.id = invitation.id
        self.code = invitation.code
        self.box_key = read_b64u(desk.box_key, 32)
        self.key, self.nonce = key(), os.urandom(32)
        self.nonce_b = b""

    def claim(self) -> None:
        commit = commitment(self.key, self.nonce)
        _, nonce_b = self.desk.claim(code=self.code, secret=None, commit=commit, address="198.51.100.1")
        self.nonce_b = read_b64u(nonce_b, 32)

    def open(self) -> None:
        self.desk.open(self.id, self.key, self.nonce, "x", None)

    def number_with(self, key: bytes, nonce: bytes) -> str:
        return number(self.box_key, key, self.nonce_b, nonce)


class Victim:
    """The device. It sends its commitment, gets what the attacker calls the box's, and opens."""

    def __init__(self) -> None:
        self.key, self.nonce = key(), os.urandom(32)
        self.commit = commitment(self.key, self.nonce)

    def shows(self, box_key: bytes, nonce_b: bytes) -> str:
        return number(box_key, self.key, nonce_b, self.nonce)


async def test_an_attacker_who_looks_for_keys_afterwards_cannot_open_their_commitment(desk: Desk) -> None:
    attacker, victim = Attacker(desk, desk.invite()), Victim()
    attacker.claim()
    shown = victim.shows(key(), os.urandom(32))
    # Now the attacker knows everything, and looks for a nonce by which the box shows the same number: here for half of
    # its digits, since the rest is a thousand times the same work.
    attempts = iter(lambda: os.urandom(32), b"")
    fitting = next(n for n in attempts if attacker.number_with(attacker.key, n)[:3] == shown[:3])
    attacker.nonce = fitting
    with pytest.raises(Refused):
        attacker.open()
    assert desk.get(attacker.id).shown_state == "refused"
    with pytest.raises(Refused):
        await desk.accept(attacker.id, shown, OWNER)


async def test_an_attacker_who_keeps_to_the_protocol_has_three_guesses_in_a_million(desk: Desk) -> None:
    attacker, victim = Attacker(desk, desk.invite()), Victim()
    attacker.claim()
    attacker.open()
    # Whatever they now tell the device was chosen before they knew its nonce: its number is drawn afresh.
    shown = victim.shows(key(), os.urandom(32))
    assert shown != attacker.number_with(attacker.key, attacker.nonce), "this happens once in a million runs"
    for _ in range(WRONG_NUMBERS):
        with pytest.raises(Refused):
            await desk.accept(attacker.id, shown, OWNER)
    with pytest.raises(Refused):
        await desk.accept(attacker.id, attacker.number_with(attacker.key, attacker.nonce), OWNER)
    assert desk.get(attacker.id).shown_state == "refused"


async def test_an_attacker_who_answers_the_device_first_learns_the_boxs_nonce_too_late(desk: Desk) -> None:
    attacker, victim = Attacker(desk, desk.invite()), Victim()
    shown = victim.shows(key(), os.urandom(32))  # the device has opened to the attacker, who now looks for its number
    attacker.claim()  # but must commit to a key before the box tells its nonce
    attacker.open()
    assert shown != attacker.number_with(attacker.key, attacker.nonce), "this happens once in a million runs"
    with pytest.raises(Refused):
        await desk.accept(attacker.id, shown, OWNER)


async def test_a_link_tells_the_device_whose_key_it_is_to_meet(desk: Desk) -> None:
    _, _, digest = desk.invite().fragment.partition(".")
    assert read_b64u(digest, 32) == hashlib.sha256(read_b64u(desk.box_key, 32)).digest()
    assert read_b64u(digest, 32) != hashlib.sha256(key()).digest()
