"""How often somebody on TCP may try to sign in, start programs and send input: 429 beyond it, with a time to wait."""

from __future__ import annotations

import math
from collections.abc import Callable

import trio

from supervisor.core.access import ANONYMOUS, SESSION, SESSIONS, Action, Principal, Route
from supervisor.core.buckets import Buckets, Rate
from supervisor.core.forwarded import site_of
from workers.errors import Refused

# By address (/64): to check a proof costs 0.15 ms (measured), so that this is at most 0.3 % of a core; devices behind
# one address that all come back after a restart of the box try once for each stream that they have open.
AUTHENTICATION = Rate(per_second=20, burst=400)
# By device: an agent's start is a second of a core; the default capacity twice over may be asked for at once.
SPAWNING = Rate(per_second=1, burst=64)
# By device: messages and files. A mouse over a program that follows it sends 120 a second, a typist 30. Of a remote
# worker, by its session: what it posts, up to 1,000 records at once.
INPUT = Rate(per_second=200, burst=2000)

InputOf = Callable[[float], float]  # takes so many messages' places: 0.0, or how many seconds to wait for them

_SPAWNS = {("POST", SESSIONS), ("POST", SESSION + "/resume"), ("POST", SESSION + "/exec")}
_INPUTS = {Action.OPERATE, Action.WRITE_FILE, Action.WORK}


class Throttle:
    """The buckets of a box. `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = trio.current_time) -> None:
        self._clock = clock
        self._authentication, self._spawning = Buckets(AUTHENTICATION), Buckets(SPAWNING)
        self._input = Buckets(INPUT)

    def check_sign_in(self, address: str | None) -> None:
        """One that has just failed, or is about to be tried. Raises Refused(`rate_limited`), as all of these do.

        To be asked *after* a token or a proof was found wrong: whoever has a right one comes in, however many others
        at the same address (of an office, say) try wrong ones.
        """
        wait = self._authentication.take(site_of(address or ""), self._clock())
        _check(wait, "too many sign-ins were tried from your address")

    def check_route(self, method: str, route: Route, principal: Principal, address: str | None) -> None:
        """A request that may go where it leads."""
        who = principal.session or principal.device or site_of(address or "")
        if principal == ANONYMOUS and route.action is Action.PAIR:
            self.check_sign_in(address)
        elif (method, route.template) in _SPAWNS:
            _check(self._spawning.take(who, self._clock()), "too many programs were started from this device")
        elif route.action in _INPUTS:
            _check(self._input.take(who, self._clock()), "too much input came from this device or worker")

    def input_of(self, principal: Principal) -> InputOf | None:
        """What the messages of this device's streams are counted by; None where nothing is, on the box's own socket.

        A stream is not refused anything: it is read more slowly, so that no key is lost.
        """
        device = principal.device
        return None if device is None else lambda cost: self._input.take(device, self._clock(), cost)


def _check(wait: float, detail: str) -> None:
    if wait:
        seconds = math.ceil(wait)
        raise Refused("rate_limited", detail, f"try again in {seconds} s", retry_after=seconds)
