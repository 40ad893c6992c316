"""Everything by which a box knows who is asking on TCP, put together."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import trio

from supervisor.core.proofs import INVALID_PROOF, INVALID_TOKEN, Asked, check_claims, read_proof, unauthenticated
from supervisor.identity.bearers import MOST_TICKETS, MOST_TOKENS, TICKET_SECONDS, TOKEN_SECONDS, Bearers
from supervisor.identity.boxkey import BoxKey, load_box_key
from supervisor.identity.clock import CLOCK, Clock
from supervisor.identity.desk import Desk
from supervisor.identity.devices import Device, Devices
from supervisor.identity.nonces import Nonces
from supervisor.store import Store


@dataclass(frozen=True)
class Identity:
    """Its parts, and what needs several of them."""

    key: BoxKey
    devices: Devices
    desk: Desk
    tokens: Bearers
    tickets: Bearers
    nonces: Nonces
    clock: Clock

    @classmethod
    async def load(
        cls, state_dir: str, store: Store, changed: Callable[[str], None] = lambda _: None, clock: Clock = CLOCK
    ) -> Identity:
        """That of a box. `changed` learns the ids of pairings that change. Raises Refused(`configuration`)."""
        key = await trio.to_thread.run_sync(load_box_key, state_dir)
        devices = await Devices.load(store, clock)
        desk = Desk(key, devices, clock, changed)
        tokens, tickets = Bearers(TOKEN_SECONDS, MOST_TOKENS), Bearers(TICKET_SECONDS, MOST_TICKETS)
        return cls(key, devices, desk, tokens, tickets, Nonces(secrets.token_bytes(32)), clock)

    async def run(self) -> None:
        """What goes on by itself, until cancelled."""
        try:
            async with trio.open_nursery() as tasks:
                tasks.start_soon(self.desk.run)
                tasks.start_soon(self.devices.keep_uses)
        finally:
            with trio.CancelScope(shield=True):
                await self.devices.write_uses()

    def nonce(self) -> str:
        """The nonce that the next proof is to carry."""
        return self.nonces.current(self.clock.boot())

    def prove(self, proof: str, asked: Asked, is_known: Callable[[str], object]) -> str:
        """Take a proof for this request, once, by a key (as text) that `is_known`: that key. Of others nothing is
        remembered, or anybody could fill the memory. Raises Refused: `unauthenticated`, `rate_limited`."""
        read = read_proof(proof)
        if not is_known(read.key):
            raise unauthenticated(INVALID_PROOF, "this box does not know that device", "pair it: rc pair at the box")
        jti = check_claims(read, asked, self.clock.wall())
        self.nonces.use(read.claims.get("nonce"), read.key, jti, self.clock.boot())
        return read.key

    def device_by_key(self, proof: str, asked: Asked) -> Device:
        """Who sent this proof, without a token. Raises Refused(`unauthenticated`)."""
        device = self.devices.by_key(self.prove(proof, asked, self.devices.by_key))
        assert device is not None, "nothing happened in between"
        self.devices.used(device)
        return device

    def device_by_token(self, token: str, proof: str, asked: Asked) -> Device:
        """Who sent this token with this proof. Raises Refused(`unauthenticated`)."""
        bearer = self.tokens.find(token, self.clock.boot())
        device = self.devices.find(bearer.device) if bearer is not None else None
        if device is None:
            raise unauthenticated(INVALID_TOKEN, "the access token is unknown or too old", "get one: POST /v1/tokens")
        self.prove(proof, asked, lambda key: key == device.key)
        self.devices.used(device)
        return device

    def use_ticket(self, ticket: str, session: str | None, origin: str | None) -> Device:
        """Who opens a WebSocket with this ticket, now void. Raises Refused(`unauthenticated`)."""
        bearer = self.tickets.use(ticket, self.clock.boot())
        fits = bearer is not None and bearer.session == session
        return self.ticket_holder((bearer.device, bearer.origin) if bearer is not None and fits else None, origin)

    def ticket_holder(self, bound_to: tuple[str | None, str | None] | None, origin: str | None) -> Device:
        """The device of a ticket that was looked up, being bound to device and Origin; None for one that is not good.
        Raises Refused(`unauthenticated`)."""
        device = self.devices.find(bound_to[0]) if bound_to is not None else None
        if bound_to is None or device is None or bound_to[1] != origin:
            raise unauthenticated(INVALID_TOKEN, "the ticket is unknown, used or too old", "get one: POST /v1/tickets")
        self.devices.used(device)
        return device

    def token(self, device: Device) -> dict[str, object]:
        """A new access token, as the API gives it."""
        value = self.tokens.give(device.id, self.clock.boot())
        return {"access_token": value, "expires_in": int(TOKEN_SECONDS)}

    def ticket(self, device: Device, session: str | None, origin: str | None) -> str:
        return self.tickets.give(device.id, self.clock.boot(), session, origin)

    async def revoke(self, device: Device) -> None:
        """Lock a device out, at once and whatever the disk says, then let go of it. Raises Refused(`disk_full`)."""
        device.revoked.set()
        self.tokens.forget(device.id)
        self.tickets.forget(device.id)
        await self.devices.remove(device)
