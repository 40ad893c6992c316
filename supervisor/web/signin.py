"""Who asks on TCP: settled anew for every request, by an access token and a proof, or for a WebSocket by a ticket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import trio
from starlette.requests import Request

from supervisor.core import access
from supervisor.core.access import ANONYMOUS, Principal
from supervisor.core.proofs import INVALID_PROOF, INVALID_TOKEN, USE_NONCE, Asked, token_hash, unauthenticated
from supervisor.core.workertokens import Claims, WorkerTokens
from supervisor.identity.devices import Device
from supervisor.identity.identity import Identity
from supervisor.web.approach import Approach
from supervisor.web.head import Head
from supervisor.web.streams.handshake import tickets_of
from supervisor.web.throttle import Throttle
from workers.errors import Refused

BEARER = "bearer "
SCHEME = "dpop "  # of the header Authorization; schemes are compared without regard to case

# The device and the Origin that a session's ticket for a program is bound to, None for one that is not good.
Holder = Callable[[str, str], tuple[str | None, str | None] | None]


class SignIn(Protocol):
    """Judges one request by its head. Raises Refused(`unauthenticated`) for proof that does not hold; where there is
    none it is anonymous, and the route decides. `headers` go with every answer on TCP, for the next request.

    A remote worker shows a token of its own, on whichever socket: `worker` gives it, None for all others. `lock_out` is
    what is set once the device of somebody who came in, or by which they were let in, may do so no more; None without
    one."""

    async def who(self, head: Head, approach: Approach) -> Principal: ...

    def worker(self, head: Head) -> Principal | None: ...

    def headers(self) -> list[tuple[bytes, bytes]]: ...

    def lock_out(self, principal: Principal) -> trio.Event | None: ...


class DeviceSignIn:
    """By the devices that the box knows."""

    def __init__(self, identity: Identity, program_of: Holder, throttle: Throttle) -> None:
        self._identity = identity
        self._program_of = program_of
        self._throttle = throttle
        self._workers = WorkerTokens(identity.key.private)

    async def who(self, head: Head, approach: Approach) -> Principal:
        """The device that a request acts from, or nobody who has signed in.

        Raises Refused(`unauthenticated`) for a sign-in that does not hold: whoever tries one is not let in as nobody.
        """
        await trio.lowlevel.checkpoint()
        if head.asks_for_websocket:
            return self._by_ticket(head)
        authorization = head.values("authorization")
        if not authorization:
            return ANONYMOUS
        if len(authorization) > 1 or not authorization[0].lower().startswith(SCHEME):
            raise unauthenticated(INVALID_TOKEN, "an access token is sent once, as `DPoP <token>`")
        token = authorization[0][len(SCHEME) :].strip()
        asked = _asked(head, approach, token_hash(token))
        return self._identity.device_by_token(token, _proof(head), asked).principal

    def worker(self, head: Head) -> Principal | None:
        """The worker that a bearer token is for. Raises Refused(`unauthenticated`) for one that does not hold."""
        authorization = head.values("authorization")
        if len(authorization) != 1 or not authorization[0].lower().startswith(BEARER):
            return None
        claims = self._workers.read(authorization[0][len(BEARER) :].strip(), self._identity.clock.wall())
        if claims.device is not None and self._identity.devices.find(claims.device) is None:
            detail = "the device that asked for this exchange may not come in any more"
            raise Refused("unauthenticated", detail, "get a new exchange: rc bridge SESSION")
        return Principal("worker", claims.session, generation=claims.generation, let_in_by=claims.device)

    def worker_token(self, session: str, generation: int, asker: Principal) -> str:
        """What a worker shows that came by this exchange, for as long as whoever asked for it may come in."""
        return self._workers.sign(Claims(session, generation, asker.device), self._identity.clock.wall())

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"dpop-nonce", self._identity.nonce().encode("ascii"))]

    def lock_out(self, principal: Principal) -> trio.Event | None:
        return self._identity.devices.lock_out(principal)

    def device(self, request: Request) -> Device:
        """The device that a request without a token was proven to come from. Raises Refused(`unauthenticated`), or
        `rate_limited` for one that was wrong too often; a right proof is never one too many."""
        head, approach = _head(request), request.state.approach
        try:
            return self._identity.device_by_key(_proof(head), _asked(head, approach))
        except Refused:
            self._throttle.check_sign_in(approach.address)
            raise

    def check_key(self, request: Request, expected: str | None) -> None:
        """See to it that a request was proven by this key, which the box need not know. Raises Refused."""
        head = _head(request)
        self._identity.prove(_proof(head), _asked(head, request.state.approach), lambda key: key == expected)

    def _by_ticket(self, head: Head) -> Principal:
        tickets, route, origin = tickets_of(head), access.websocket_at(head.path), head.header("origin")
        if len(tickets) != 1 or route is None:
            return ANONYMOUS
        if route.template == access.SESSION + "/exec":  # its ticket says what to run as well, and is used up there
            holder = self._program_of(route.session or "", tickets[0])
            return self._identity.ticket_holder(holder, origin).principal
        return self._identity.use_ticket(tickets[0], route.session, origin).principal


def _head(request: Request) -> Head:
    """As the request came: to the routes a HEAD is a GET, but its proof says HEAD."""
    head: Head = request.state.head
    return head


def _asked(head: Head, approach: Approach, ath: str | None = None) -> Asked:
    return Asked(head.method, approach.origins, head.path, ath)


def _proof(head: Head) -> str:
    proofs = head.values("dpop")
    if not proofs:
        raise unauthenticated(USE_NONCE, "the request has no proof of a device's key", "send the header DPoP")
    if len(proofs) > 1:
        raise unauthenticated(INVALID_PROOF, "a request has one proof", "send the header DPoP once")
    return proofs[0]
