"""How many connections each kind of principal may hold, and who has to go when there are too many."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import trio

from supervisor.core.access import Principal
from workers.errors import Refused

# Connections at a time. Nobody who has not signed in needs more than a few; a session's agent looks at one session;
# the owner's are bounded only by descriptors (32 sessions watched by 20 screens each).
LIMITS = {"anonymous": 64, "agent": 64, "owner": 1024}


class Place:
    """One connection's place. `scope` ends it; while `may_go` it can be taken away for a newer connection."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.may_go = True


class Places:
    """Every open connection, oldest first, by principal."""

    def __init__(self) -> None:
        self._held: dict[Principal, dict[Place, None]] = {}

    @contextlib.contextmanager
    def take(self, principal: Principal) -> Iterator[Place]:
        """A place for as long as the block runs. When all are taken, the oldest one that has not yet asked for
        anything goes: a newcomer who speaks is worth more than one who was silent longest.

        Raises Refused(`rate_limited`) when all of them are at work.
        """
        held = self._held.setdefault(principal, {})
        if len(held) >= LIMITS[principal.kind]:
            self._make_room(held)
        place = Place()
        held[place] = None
        try:
            with place.scope:
                yield place
        finally:
            held.pop(place, None)
            if not held:
                self._held.pop(principal, None)

    def _make_room(self, held: dict[Place, None]) -> None:
        oldest = next((place for place in held if place.may_go), None)
        if oldest is None:
            raise Refused("rate_limited", f"there are {len(held)} connections of yours already", "close some of them")
        oldest.scope.cancel()
        del held[oldest]
