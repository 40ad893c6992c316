"""Pairings from the invitation to the device, and those that end otherwise."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from supervisor.core.access import OWNER
from supervisor.core.pairing import (
    PAIRING_SECONDS,
    TRIES_PER_ADDRESS,
    Pairing,
    b64u,
    commitment,
    number,
    read_b64u,
    read_code,
)
from supervisor.identity.boxkey import load_box_key
from supervisor.identity.desk import MOST_KEPT, MOST_OPEN, WAIT_SECONDS, Desk, Invitation
from supervisor.identity.devices import Device, Devices
from supervisor.store import Act, Store, Value
from tests.flows.paired import Key
from tests.supervisor.identity.parts import Hands
from workers.errors import Refused

HOME, AWAY = "192.0.2.1", "198.51.100.1"


@dataclass
class Stage:
    desk: Desk
    devices: Devices
    hands: Hands
    told: list[str] = field(default_factory=list)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    hands = Hands()
    told: list[str] = []
    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        devices = await Devices.load(store, hands.clock)
        desk = Desk(load_box_key(str(tmp_path)), devices, hands.clock, told.append)
        yield Stage(desk, devices, hands, told)


def secret_of(invitation: Invitation) -> str:
    return invitation.fragment.partition(".")[0]


class Newcomer:
    """A device on its way in."""

    def __init__(self, desk: Desk, kind: str = "P-256") -> None:
        self.desk = desk
        self.key = Key(kind)
        self.nonce = os.urandom(32)
        self.number = ""

    def claim(self, address: str = HOME, code: str | None = None, secret: str | None = None) -> Pairing:
        commit = commitment(self.key.octets, self.nonce)
        pairing, nonce_b = self.desk.claim(code=code, secret=secret, commit=commit, address=address)
        box_key = read_b64u(self.desk.box_key, 32)
        self.number = number(box_key, self.key.octets, read_b64u(nonce_b, 32), self.nonce)
        return pairing

    def open(self, id: str, kind: str | None = None) -> Pairing:
        return self.desk.open(id, self.key.octets, self.nonce, "a phone", kind)


def refusal(newcomer: Newcomer, address: str = HOME, **by: str) -> str:
    with pytest.raises(Refused) as caught:
        newcomer.claim(address, **by)
    return caught.value.code


@pytest.mark.parametrize("by", ["code", "secret"])
async def test_a_device_comes_in_by_code_or_link(stage: Stage, by: str) -> None:
    desk = stage.desk
    invitation = desk.invite()
    newcomer = Newcomer(desk)
    word = invitation.code.lower() if by == "code" else secret_of(invitation)
    newcomer.open(newcomer.claim(**{by: word}).id)
    shown = desk.show(desk.get(invitation.id))
    assert shown["claimed"] == {"address": HOME, "label": "a phone"}
    typed = f" {newcomer.number[:3]} {newcomer.number[3:]} "
    device = await desk.accept(invitation.id, typed, OWNER)
    assert stage.devices.by_key(newcomer.key.text) is device
    assert (device.kind, device.label) == ("browser", "a phone")
    shown = desk.show(desk.get(invitation.id))
    assert (shown["state"], shown["device"]) == ("accepted", device.id)
    assert set(stage.told) == {invitation.id}
    with pytest.raises(Refused):
        Newcomer(desk).claim(**{by: word})


async def test_what_is_shown_of_a_pairing_is_no_secret(stage: Stage) -> None:
    desk = stage.desk
    with capture_logs() as lines:
        invitation = desk.invite()
        newcomer = Newcomer(desk)
        pairing = newcomer.open(newcomer.claim(code=invitation.code).id)
        shown = repr((invitation, desk.show(pairing), lines, vars(desk), pairing))
        await desk.accept(invitation.id, newcomer.number, OWNER)
    letters = read_code(invitation.code)
    for secret in (invitation.code, letters, letters[2:], secret_of(invitation), newcomer.number):
        assert secret not in shown + repr(lines)


async def test_a_kind_is_told_by_the_key_or_by_the_device(stage: Stage) -> None:
    for curve, said, expected in (("Ed25519", None, "cli"), ("P-256", None, "browser"), ("P-256", "cli", "cli")):
        invitation, newcomer = stage.desk.invite(), Newcomer(stage.desk, curve)
        newcomer.claim(secret=secret_of(invitation))
        newcomer.open(invitation.id, said)
        device = await stage.desk.accept(invitation.id, newcomer.number, OWNER)
        assert device.kind == expected


async def test_a_wrong_word_opens_nothing(stage: Stage) -> None:
    invitation = stage.desk.invite()
    newcomer = Newcomer(stage.desk)
    assert refusal(newcomer, secret=b64u(os.urandom(32))) == "not_found"
    assert refusal(newcomer, code="AAAA-AAAA") == "not_found"
    assert refusal(newcomer, code="no code") == "invalid"
    assert refusal(newcomer, code=invitation.code[:2] + "AA-AAAA") == "not_found"
    assert stage.desk.show(stage.desk.get(invitation.id))["tries_left"] == 4


async def test_wrong_codes_end_the_pairing_that_they_name_and_no_other(stage: Stage) -> None:
    named, other = stage.desk.invite(), stage.desk.invite()
    for _ in range(5):
        refusal(Newcomer(stage.desk), code=named.code[:2] + "AA-AAAA")
    assert stage.desk.get(named.id).shown_state == "refused"
    assert refusal(Newcomer(stage.desk), code=named.code) == "not_found"
    assert Newcomer(stage.desk).claim(code=other.code)


async def test_one_address_is_wrong_so_often_and_then_only_its_links_count(stage: Stage) -> None:
    invitation = stage.desk.invite()
    for _ in range(TRIES_PER_ADDRESS):
        assert refusal(Newcomer(stage.desk), code="AAAA-AAAA") == "not_found"
    assert refusal(Newcomer(stage.desk), code=invitation.code) == "rate_limited"
    assert Newcomer(stage.desk).claim(secret=secret_of(invitation))


async def test_wrong_links_are_not_counted(stage: Stage) -> None:
    invitation = stage.desk.invite()
    for _ in range(200):
        refusal(Newcomer(stage.desk), secret=b64u(os.urandom(32)))
    assert Newcomer(stage.desk).claim(code=invitation.code)


async def test_a_second_claimer_is_told_and_both_are_shown(stage: Stage) -> None:
    invitation = stage.desk.invite()
    Newcomer(stage.desk).claim(HOME, code=invitation.code)
    assert refusal(Newcomer(stage.desk), AWAY, code=invitation.code) == "already_claimed"
    assert refusal(Newcomer(stage.desk), AWAY, secret=secret_of(invitation)) == "already_claimed"
    shown = stage.desk.show(stage.desk.get(invitation.id))
    assert (shown["claimed"]["address"], shown["contenders"]) == (HOME, [AWAY])


async def test_a_key_that_is_none_opens_nothing(stage: Stage) -> None:
    invitation = stage.desk.invite()
    commit = commitment(b"\x04" + bytes(64), bytes(32))
    stage.desk.claim(code=invitation.code, secret=None, commit=commit, address=HOME)
    with pytest.raises(Refused) as caught:
        stage.desk.open(invitation.id, b"\x04" + bytes(64), bytes(32), "x", None)
    assert caught.value.code == "invalid"


async def test_so_many_are_open_at_a_time(stage: Stage) -> None:
    codes = [stage.desk.invite().code for _ in range(MOST_OPEN)]
    assert len({code[:2] for code in codes}) == MOST_OPEN
    with pytest.raises(Refused) as caught:
        stage.desk.invite()
    assert caught.value.code == "rate_limited"
    stage.hands.wait(PAIRING_SECONDS)
    assert stage.desk.invite()


async def test_those_that_ended_are_forgotten(stage: Stage) -> None:
    first = stage.desk.invite()
    stage.desk.get(first.id).call_off()
    for _ in range(MOST_KEPT):
        stage.desk.get(stage.desk.invite().id).call_off()
    assert len(list(stage.desk)) == MOST_KEPT
    assert stage.desk.find(first.id) is None
    stage.hands.wait(2 * PAIRING_SECONDS)
    stage.desk.expire()
    assert list(stage.desk) == []
    with pytest.raises(Refused) as caught:
        stage.desk.get(first.id)
    assert caught.value.code == "not_found"


async def test_its_time_is_told_as_it_is_left(stage: Stage) -> None:
    invitation = stage.desk.invite()
    stage.hands.wait(60.0)
    assert stage.desk.show(stage.desk.get(invitation.id))["expires_at"] == invitation.expires_at
    stage.hands.wait(PAIRING_SECONDS - 60.0)
    assert stage.desk.show(stage.desk.get(invitation.id))["state"] == "expired"


async def test_whoever_watches_learns_when_its_time_is_up(stage: Stage, autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.desk.run)
        await trio.sleep(5)
        stage.desk.invite()
        await trio.sleep(5)
        before = len(stage.told)
        stage.hands.wait(PAIRING_SECONDS)
        await trio.sleep(2)
        assert len(stage.told) == before + 1
        nursery.cancel_scope.cancel()


async def test_the_device_asks_again_when_nothing_comes_of_it(stage: Stage, autojump_clock: MockClock) -> None:
    invitation, newcomer = stage.desk.invite(), Newcomer(stage.desk)
    pairing = newcomer.open(newcomer.claim(code=invitation.code).id)
    began = trio.current_time()
    assert await stage.desk.wait(pairing) is None
    assert trio.current_time() - began == WAIT_SECONDS
    assert pairing.shown_state == "waiting"


async def test_the_device_waits_for_what_becomes_of_it(stage: Stage) -> None:
    invitation, newcomer = stage.desk.invite(), Newcomer(stage.desk)
    pairing = newcomer.open(newcomer.claim(code=invitation.code).id)
    made: list[Device | None] = []

    async def wait() -> None:
        made.append(await stage.desk.wait(pairing))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        made.append(await stage.desk.accept(invitation.id, newcomer.number, OWNER))
    assert made[0] is made[1] and len(made) == 2
    assert await stage.desk.wait(pairing) is made[0]


async def test_a_link_leads_to_the_page_with_all_that_is_secret_behind_the_hash(stage: Stage) -> None:
    invitation = stage.desk.invite()
    link = invitation.link("https://box.example/")
    assert link.startswith("https://box.example/pair#")
    secret, _, digest = link.partition("#")[2].partition(".")
    assert len(secret) == len(digest) == 43


class FullDisk(Store):
    """A store whose disk is full for as long as that is said."""

    is_full = True

    async def write(self, act: Act[Value]) -> Value:
        if self.is_full:
            raise Refused("disk_full", "the disk is full")
        return await super().write(act)


async def test_a_device_that_finds_no_room_on_the_disk_may_be_accepted_later(tmp_path: Path) -> None:
    hands = Hands()
    async with FullDisk.open(str(tmp_path / "box.sqlite")) as store:
        assert isinstance(store, FullDisk)
        desk = Desk(load_box_key(str(tmp_path)), Devices(store, hands.clock, []), hands.clock, lambda _: None)
        invitation, newcomer = desk.invite(), Newcomer(desk)
        newcomer.open(newcomer.claim(code=invitation.code).id)
        with pytest.raises(Refused) as caught:
            await desk.accept(invitation.id, newcomer.number, OWNER)
        assert (caught.value.code, desk.get(invitation.id).shown_state) == ("disk_full", "waiting")
        store.is_full = False
        assert await desk.accept(invitation.id, newcomer.number, OWNER)
