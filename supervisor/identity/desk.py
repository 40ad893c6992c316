"""The pairing desk: keeps the open pairings, in memory, and makes a device of one that a person has accepted."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import structlog
import trio

from supervisor.core.access import Principal
from supervisor.core.links import best, link_to
from supervisor.core.pairing import (
    CODE_OCTETS,
    NAME_LENGTH,
    NONCE_OCTETS,
    PAIRING_PREFIX,
    PAIRING_SECONDS,
    Pairing,
    Tries,
    b64u,
    read_code,
    spell,
)
from supervisor.core.proofs import check_key
from supervisor.identity.boxkey import BoxKey
from supervisor.identity.clock import Clock
from supervisor.identity.devices import Device, Devices
from workers.errors import Refused

MOST_OPEN = 16  # pairings that nobody has settled; their names are drawn from 1,024
MOST_KEPT = 64  # with those that are settled, so that who waits for one learns how it went
LOOK_SECONDS = 1.0  # between two looks for pairings whose time is up
WAIT_SECONDS = 25.0  # a device waits; proxies cut a request that is silent for 30 to 60 s

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Invitation:
    """A new pairing as it is shown once, to whoever made it. `fragment` is what a link has behind its `#`."""

    id: str
    expires_at: str
    code: str = field(repr=False)
    fragment: str = field(repr=False)

    def link(self, url: str) -> str:
        """What to open to get to this box by `url`. The fragment stays in the browser."""
        return link_to(url, self.fragment)

    def show(self, urls: Iterable[str]) -> dict[str, Any]:
        """To whoever made it, of a box that is reached by these. `offer`: which link to show, and how, else null."""
        links = [self.link(url) for url in urls]
        offer = best(links)
        return {
            "id": self.id,
            "code": self.code,
            "url": links[0] if links else None,
            "urls": links,
            "offer": offer.show() if offer else None,
            "expires_at": self.expires_at,
        }


class Desk:
    """`changed` is called with the id of each pairing that is not as it was. Addresses are those of the askers."""

    def __init__(self, key: BoxKey, devices: Devices, clock: Clock, changed: Callable[[str], None]) -> None:
        self.box_key = key.text
        self._key = key
        self._devices = devices
        self._clock = clock
        self._changed = changed
        self._pairings: dict[str, Pairing] = {}  # oldest first
        self._made: dict[str, Device] = {}
        self._tries = Tries()
        self._moved = trio.Event()

    def __iter__(self) -> Iterator[Pairing]:
        return iter(self._pairings.values())

    # By the owner

    def invite(self) -> Invitation:
        """Open a pairing for five minutes. Raises Refused(`rate_limited`) when too many are open."""
        self.expire()
        opened = [pairing for pairing in self if not pairing.is_settled]
        if len(opened) >= MOST_OPEN:
            detail = f"{MOST_OPEN} pairings are open already"
            raise Refused("rate_limited", detail, "use one of them, or wait five minutes")
        self._devices.check_room()
        code, secret = self._new_code({pairing.name for pairing in opened}), secrets.token_bytes(32)
        id = f"{PAIRING_PREFIX}{uuid.uuid4()}"
        due, expires_at = self._clock.boot() + PAIRING_SECONDS, self._clock.text_in(PAIRING_SECONDS)
        self._pairings[id] = Pairing(id, code, b64u(secret), due, expires_at, lambda: self._tell(id))
        while len(self._pairings) > MOST_KEPT:
            self._forget(next(pairing.id for pairing in self if pairing.is_settled))
        self._tell(id)
        return Invitation(id, expires_at, code, f"{b64u(secret)}.{self._key.digest}")

    def find(self, id: str) -> Pairing | None:
        self.expire()
        return self._pairings.get(id)

    def get(self, id: str) -> Pairing:
        """Raises Refused(`not_found`)."""
        pairing = self.find(id)
        if pairing is None:
            raise Refused("not_found", "there is no such pairing", "rc pair makes one")
        return pairing

    def show(self, pairing: Pairing) -> dict[str, Any]:
        """As the box shows it: no code, no secret, no number."""
        claimed, opened = pairing.claimed, pairing.opened
        made = self._made.get(pairing.id)
        label = opened.label if opened else None
        return {
            "id": pairing.id,
            "state": pairing.shown_state,
            "expires_at": pairing.expires_at,
            "claimed": {"address": claimed.address, "label": label} if claimed else None,
            "opened": opened is not None,
            "contenders": list(pairing.contenders),
            "tries_left": pairing.tries_left,
            "device": made.id if made else None,
        }

    def shown(self) -> list[dict[str, Any]]:
        """Those that are open, as the box shows them."""
        self.expire()
        return [self.show(pairing) for pairing in self if not pairing.is_settled]

    def show_one(self, id: str) -> dict[str, Any] | None:
        """One, open or settled not long ago."""
        pairing = self.find(id)
        return self.show(pairing) if pairing is not None else None

    async def accept(self, id: str, typed: str, by: Principal) -> Device:
        """Make a device of it when `typed` is the number; see `Pairing.accept`. Never cancelled half-way by who asks:
        call it within the box's `carry_out`."""
        pairing = self.get(id)
        try:
            opened = pairing.accept("".join(typed.split()))
        except Refused as refused:
            log.warning("pairing_not_accepted", pairing=id, detail=refused.detail)
            raise
        is_written = False
        try:
            device = await self._devices.add(opened.key, opened.kind, opened.label, by)
            self._made[id] = device
            is_written = True
        finally:
            pairing.settle(is_written=is_written)
        return device

    # By the new device, from wherever it is

    def claim(self, *, code: str | None, secret: str | None, commit: bytes, address: str) -> tuple[Pairing, str]:
        """Take the pairing that this code or secret opens: it, and the box's nonce.

        Raises Refused: `not_found`, `already_claimed`, and for codes `invalid`, `rate_limited`.
        """
        self.expire()
        if code is not None:
            pairing = self._by_code(read_code(code), address)
        else:
            pairing = next((each for each in self if each.knows_secret(secret or "")), None)
        if pairing is None:
            raise Refused("not_found", "no pairing waits for this code or link", "rc pair at the box makes another")
        try:
            nonce = pairing.claim(commit, secrets.token_bytes(NONCE_OCTETS), address)
        except Refused as refused:
            log.warning("pairing_not_claimed", pairing=pairing.id, address=address, detail=refused.detail)
            raise
        log.info("pairing_claimed", pairing=pairing.id, address=address)
        return pairing, b64u(nonce)

    def _by_code(self, letters: str, address: str) -> Pairing | None:
        self._tries.check(address, self._clock.boot())
        named = [each for each in self if each.name == letters[:NAME_LENGTH]]
        # Of those that are settled only their own code is known; none of them counts a wrong one.
        found = next((each for each in named if each.knows_code(letters)), None)
        if found is None:
            self._tries.count(address, self._clock.boot())
            log.warning("wrong_pairing_code", address=address)
        return found

    def open(self, id: str, device_key: bytes, nonce_d: bytes, label: str, kind: str | None) -> Pairing:
        """Open the commitment; see `Pairing.open`. Without a `kind` a browser is known by its key."""
        pairing = self.get(id)
        curve = check_key(b64u(device_key))
        kind = kind or ("browser" if curve == "P-256" else "cli")
        pairing.open(device_key, nonce_d, self._key.octets, kind, label)
        return pairing

    async def wait(self, pairing: Pairing) -> Device | None:
        """Wait until it is settled, `WAIT_SECONDS` at most: the device that came of it."""
        with trio.move_on_after(WAIT_SECONDS):
            while not pairing.is_settled:
                await self._moved.wait()
        return self._made.get(pairing.id)

    # Time

    async def run(self) -> None:
        """End pairings whose time is up, for ever: those who watch learn of it when it happens."""
        while True:
            self.expire()
            if all(pairing.is_settled for pairing in self):
                await self._moved.wait()
            await trio.sleep(LOOK_SECONDS)

    def expire(self) -> None:
        """End those whose time is up, and forget those that ended long ago."""
        now = self._clock.boot()
        for pairing in list(self):
            pairing.expire(now)
            if pairing.is_settled and now >= pairing.due + PAIRING_SECONDS:
                self._forget(pairing.id)

    def _forget(self, id: str) -> None:
        self._pairings.pop(id)
        self._made.pop(id, None)

    def _tell(self, id: str) -> None:
        moved, self._moved = self._moved, trio.Event()
        moved.set()
        self._changed(id)

    def _new_code(self, taken: set[str]) -> str:
        """One whose first two characters name no other open pairing."""
        while True:
            code = spell(secrets.token_bytes(CODE_OCTETS))
            if code[:NAME_LENGTH] not in taken:
                return code
