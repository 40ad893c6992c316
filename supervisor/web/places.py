"""How many connections there may be, and which one has to go when there are too many."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator

import trio

from supervisor.core.access import Principal
from supervisor.core.forwarded import site_of
from workers.errors import Refused

STRANGERS = 64  # connections on which nobody has signed in yet: each may cost a TLS handshake
PER_SITE = 8  # of these from one address (/64); a browser opens 6 to load a page
PATIENCE = 2.0  # seconds for which one more of them waits: what a page loads takes a tenth of that
# Connections at a time of who has signed in. A session's agent looks at one session; the owner's on the box's own
# socket are bounded only by descriptors (32 sessions watched by 20 screens each), a device has some tabs.
AT_HOME = {"owner": 1024}
ELSEWHERE = 256


class Place:
    """One connection's place. `scope` ends it; while `may_go` it can be taken away for a newer connection.

    `is_shared`: it is that of a proxy, which makes requests of many over it, so that each counts while it is served.
    """

    def __init__(self, places: Places, is_shared: bool = False) -> None:
        self.scope = trio.CancelScope()
        self.may_go = True
        self.is_shared = is_shared
        self._places = places

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """While a request is served."""
        before, self.may_go = self.may_go, False
        try:
            yield
        finally:
            self.may_go = before
            self._places.rest(self)

    @contextlib.contextmanager
    def still_asking(self) -> Iterator[None]:
        """While the rest of a request is on its way, it may go as before: some who never send theirs would else keep
        out everybody at their address, which behind a tunnel is everybody."""
        before, self.may_go = self.may_go, True
        self._places.look_again()
        try:
            yield
        finally:
            self.may_go = before

    async def asks(self, address: str) -> None:
        """A request comes from this address: of a stranger, unless it is the one who has signed in here before.

        Waits up to `PATIENCE` for room. Raises Refused(`rate_limited`), as `signed_in` does.
        """
        await self._places.ask(self, address)

    def signed_in(self, principal: Principal) -> None:
        """The request was theirs: the connection does not count among those of strangers any more."""
        self._places.know(self, principal)


class Places:
    """Every open connection, oldest first."""

    def __init__(self) -> None:
        self._strangers: dict[Place, str] = {}  # and from where they come; empty where that is not known yet
        self._known: dict[Place, tuple[Principal, str]] = {}
        self._waiting = trio.lowlevel.ParkingLot()

    @contextlib.contextmanager
    def take(self, principal: Principal | None, address: str = "") -> Iterator[Place]:
        """A place for as long as the block runs: of somebody who is known, or else of a stranger at `address`, which
        is left empty for a proxy that has not said yet for whom it comes.

        Raises Refused(`rate_limited`) when all places are at work; of those that are not, the oldest one goes.
        """
        place = Place(self, is_shared=principal is None and not address)
        if principal is not None:
            self.know(place, principal)
        else:
            self._admit(place, address)
        try:
            with place.scope:
                yield place
        finally:
            self._strangers.pop(place, None)
            self._known.pop(place, None)
            self._waiting.unpark_all()

    async def wait_room(self, address: str) -> None:
        """Return when a stranger at this address finds a place, or after `PATIENCE`. As many may wait as there are
        places; the next one finds out at once."""
        site = site_of(address)
        with trio.move_on_after(PATIENCE):
            while not self._has_room(site) and len(self._waiting) < STRANGERS:
                await self._waiting.park()

    def _has_room(self, site: str) -> bool:
        theirs = [place for place, where in self._strangers.items() if where == site]
        return len(theirs) < PER_SITE or any(place.may_go for place in theirs)

    async def ask(self, place: Place, address: str) -> None:
        before = self._known[place][1] if place in self._known else self._strangers.get(place)
        if before != site_of(address):
            await self.wait_room(address)
            self._known.pop(place, None)
            self._strangers.pop(place, None)
            self._admit(place, address)

    def rest(self, place: Place) -> None:
        """Its request is over."""
        if place.is_shared and place in self._strangers:
            self._strangers[place] = ""
        self.look_again()

    def look_again(self) -> None:
        """There may be room for one of those who wait."""
        self._waiting.unpark_all()

    def know(self, place: Place, principal: Principal) -> None:
        known = self._known.get(place)
        if known is not None and known[0] == principal:
            return
        theirs = [each for each, (who, _) in self._known.items() if who == principal]
        if len(theirs) >= (ELSEWHERE if principal.device else AT_HOME.get(principal.kind, STRANGERS)):
            self._make_room(theirs)
        site = self._strangers.pop(place, known[1] if known else "")
        self._known[place] = principal, site
        self._waiting.unpark_all()

    def _admit(self, place: Place, address: str) -> None:
        site = site_of(address) if address else ""
        theirs = [each for each, where in self._strangers.items() if where == site]
        if site and len(theirs) >= PER_SITE:
            self._make_room(theirs)
        if len(self._strangers) >= STRANGERS:
            self._push_out()
        self._strangers[place] = site

    def _make_room(self, theirs: list[Place]) -> None:
        """The oldest that does nothing goes: a newcomer who speaks is worth more than one who was silent longest."""
        idle = next((place for place in theirs if place.may_go), None)
        if idle is None:
            raise Refused("rate_limited", f"there are {len(theirs)} connections of yours already", "close some of them")
        self._end(idle)

    def _push_out(self) -> None:
        """One of those goes who have most places, at work or not: else a few of them could keep everybody else out."""
        sizes = Counter(self._strangers.values())
        most = max(sizes.values())
        theirs = [place for place, site in self._strangers.items() if sizes[site] == most]
        self._end(next((place for place in theirs if place.may_go), theirs[0]))

    def _end(self, place: Place) -> None:
        place.scope.cancel()
        self._strangers.pop(place, None)
        self._known.pop(place, None)
