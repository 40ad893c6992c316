"""The lease: the right of one connection to type into one terminal."""

from __future__ import annotations

from dataclasses import dataclass

LEASE_SECONDS = 30.0  # after the holder's last key
RANKS = {"viewer": 0, "operator": 1, "owner": 2}  # the roles in a session; `take_lease` goes up or sideways, not down


@dataclass(frozen=True, slots=True)
class Seat:
    """One connection at a session: its own name, who sits there, and the role that counts."""

    connection: str
    person: str | None
    device: str | None
    role: str

    def describe(self) -> dict[str, str | None]:
        return {"person": self.person, "device": self.device, "connection": self.connection}


@dataclass(frozen=True, slots=True)
class Held:
    """The answer no: `by` has the lease (or typed last), for so many seconds more; None where no clock runs."""

    by: Seat
    seconds: float | None


class Lease:
    """Who may type into one session's terminal. Times are seconds of one clock that never steps back and goes on
    while the machine sleeps.

    `version` rises whenever the holder changes, so that every connection can tell whether it has said so already.
    Seats of viewers never hold, and what their terminals answer never counts.
    """

    def __init__(self) -> None:
        self.version = 0
        self._seats: dict[str, Seat] = {}  # in the order in which they came
        self._holder: Seat | None = None
        self._ends_at = 0.0
        self._typed_last: Seat | None = None

    def holder(self, now: float) -> Seat | None:
        self._expire(now)
        return self._holder

    def seconds_left(self, now: float) -> float | None:
        """How long the lease lasts if no key comes; None while nobody holds it."""
        self._expire(now)
        return None if self._holder is None else self._ends_at - now

    def join(self, seat: Seat) -> None:
        if RANKS[seat.role] > RANKS["viewer"]:
            self._seats[seat.connection] = seat

    def leave(self, seat: Seat) -> None:
        """The connection is closed, and its lease ends with it."""
        self._seats.pop(seat.connection, None)
        if self._typed_last == seat:
            self._typed_last = None
        if self._holder == seat:
            self._set(None)

    def end(self) -> None:
        """The session has ended, and with it what anybody held of it. Its connections stay; it may be resumed."""
        self._typed_last = None
        if self._holder is not None:
            self._set(None)

    def renew(self, seat: Seat, now: float) -> bool:
        """A further key from the holder, as most keys are: it lengthens the lease. False: `seat` does not hold it."""
        if self._holder is not seat or now >= self._ends_at:
            return False
        self._ends_at = now + LEASE_SECONDS
        return True

    def type(self, seat: Seat, now: float) -> Held | None:
        """A key (or a prompt) from `seat`: takes the lease if nobody holds it, and lengthens it. Held: not now."""
        held = self.bar_to_typing(seat, now)
        if held is None:
            self._take(seat, now)
        return held

    def take(self, seat: Seat, now: float) -> Held | None:
        """Take it from whoever holds it. Held: the holder has a higher role."""
        held = self.bar_to_taking(seat, now)
        if held is None:
            self._take(seat, now)
        return held

    def release(self, seat: Seat) -> None:
        """Give it back; nothing happens when `seat` does not hold it."""
        if self._holder == seat:
            self._set(None)

    def borrow(self, seat: Seat, now: float) -> Held | None:
        """Take it for one write by somebody without a connection, who gives it back by `release`; only when free."""
        self._expire(now)
        if self._holder is not None:
            return Held(self._holder, self._ends_at - now)
        self._set(seat)
        self._ends_at = now + LEASE_SECONDS
        return None

    def hears_answers_of(self, seat: Seat, now: float) -> bool:
        """Whether what this connection's terminal answers by itself counts: the holder's, else the first comer's."""
        self._expire(now)
        if self._holder is not None:
            return self._holder == seat
        return next(iter(self._seats), None) == seat.connection

    def bar_to_typing(self, seat: Seat, now: float) -> Held | None:
        """What `type` would answer; nothing is taken."""
        self._expire(now)
        if self._holder is None or self._holder == seat:
            return None
        return Held(self._holder, self._ends_at - now)

    def bar_to_taking(self, seat: Seat, now: float) -> Held | None:
        """What `take` would answer; nothing is taken."""
        held = self.bar_to_typing(seat, now)
        return held if held is not None and RANKS[held.by.role] > RANKS[seat.role] else None

    def bar_to_resizing(self, seat: Seat, now: float) -> Held | None:
        """Why the size of this connection does not count: the holder's does, else that of who typed last, else
        anyone's."""
        held = self.bar_to_typing(seat, now)
        if held is None and self._holder is None and self._typed_last not in (None, seat):
            assert self._typed_last is not None
            return Held(self._typed_last, None)
        return held

    def _take(self, seat: Seat, now: float) -> None:
        if self._holder != seat:
            self._set(seat)
        self._typed_last = seat
        self._ends_at = now + LEASE_SECONDS

    def _expire(self, now: float) -> None:
        if self._holder is not None and now >= self._ends_at:
            self._set(None)

    def _set(self, holder: Seat | None) -> None:
        self._holder = holder
        self.version += 1
