"""What every request must pass before anything of it is carried out: whom it is meant for, who asks, where it leads."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
import trio

from supervisor.core import access
from supervisor.core.access import ANONYMOUS, Principal, Route
from supervisor.core.printable import visible
from supervisor.web.approach import Approach, check_approach
from supervisor.web.head import Head, refuse_large
from supervisor.web.places import Place
from supervisor.web.signin import SignIn
from supervisor.web.sockets import Entrance
from supervisor.web.throttle import Throttle
from workers.errors import Refused

log = structlog.get_logger()

PATH_SHOWN = 200  # characters of a path that somebody made up, in a line of the log


@dataclass(frozen=True, slots=True)
class Arrival:
    """One connection, as it came: `peer` is the IP address at its other end, None on the Unix socket; `asker` who it is
    there, settled at accept, and None on TCP, where each request says it. `place` is the one that it holds."""

    entrance: Entrance
    peer: str | None
    asker: Principal | None
    place: Place


@dataclass(frozen=True, slots=True)
class Admission:
    """What was found of a request that may go on."""

    approach: Approach
    principal: Principal
    route: Route


class Gate:
    """One for all entrances."""

    def __init__(self, sign_in: SignIn, throttle: Throttle) -> None:
        self._sign_in = sign_in
        self._throttle = throttle

    async def admit(self, head: Head, arrival: Arrival) -> Admission:
        """To be asked once for each request, of a connection's first as of all others: a proof is good once.

        The order is that of the contract: Host, sign-in, route, role. Raises Refused.
        """
        approach = check_head(head, arrival.entrance, arrival.peer)
        if arrival.asker is not None:
            asker = self._sign_in.worker(head) or arrival.asker
            return Admission(approach, asker, check_route(head, asker))
        await arrival.place.asks(approach.address or "")
        principal = await self._who(head, approach)
        if principal != ANONYMOUS:
            arrival.place.signed_in(principal)
        route = check_route(head, principal)
        self._throttle.check_route(head.method, route, principal, approach.address)
        return Admission(approach, principal, route)

    async def _who(self, head: Head, approach: Approach) -> Principal:
        try:
            return self._sign_in.worker(head) or await self._sign_in.who(head, approach)
        except Refused:
            self._throttle.check_sign_in(approach.address)
            raise

    def lock_out(self, principal: Principal) -> trio.Event | None:
        """What is set when what they have under way must end, None where nothing sets it."""
        return self._sign_in.lock_out(principal)

    def headers(self, arrival: Arrival) -> list[tuple[bytes, bytes]]:
        """What goes with every answer on this connection, refusals too."""
        return self._sign_in.headers() if arrival.asker is None else []


def check_head(head: Head, entrance: Entrance, peer: str | None) -> Approach:
    """The checks that need only the head and come before it is asked who asks: its size, and whom it is meant for.

    Raises Refused.
    """
    refuse_large(head)
    return check_approach(head, entrance, peer)


def check_route(head: Head, principal: Principal) -> Route:
    """Where it leads, and whether they may go there, in this order. Raises Refused."""
    try:
        return access.route(principal, head.method, head.path, head.asks_for_websocket)
    except Refused as refused:
        if refused.code == "not_allowed":
            path = visible(head.path[:PATH_SHOWN])
            log.warning("not_allowed", session=principal.session, by=principal.kind, method=head.method, path=path)
        raise
