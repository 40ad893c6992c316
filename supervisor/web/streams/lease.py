"""The lease as clients are told of it, with its end as a time of day."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from supervisor.core.access import Principal
from supervisor.core.leases import Held, Lease, Seat
from supervisor.sessions.session import Session
from supervisor.web.problems import to_json
from workers.core.events import SECOND, now_text
from workers.errors import Refused

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Clock:
    """`boot`: seconds that go on while the machine sleeps and never step. `wall_ns`: the time of day."""

    boot: Callable[[], float]
    wall_ns: Callable[[], int]

    def text_in(self, seconds: float) -> str:
        """The time of day so many seconds from now."""
        return now_text(self.wall_ns() + round(seconds * SECOND))


CLOCK = Clock(partial(time.clock_gettime, time.CLOCK_BOOTTIME), time.time_ns)


def new_seat(principal: Principal, session: str) -> Seat:
    """A connection's place at a session, under a name that no other connection of this supervisor has."""
    by = principal.by()
    person, device = (None if by[key] is None else str(by[key]) for key in ("person", "device"))
    return Seat(f"c{next(_numbers)}", person, device, principal.role_in(session))


def lease_message(lease: Lease, clock: Clock) -> bytes:
    now = clock.boot()
    holder, seconds = lease.holder(now), lease.seconds_left(now)
    until = None if seconds is None else clock.text_in(seconds)
    return to_json({"type": "lease", "holder": holder.describe() if holder else None, "until": until})


def refusal(held: Held, clock: Clock) -> Refused:
    """`lease_held`, with who and until when; `until` is null where no clock runs."""
    until = None if held.seconds is None else clock.text_in(held.seconds)
    why = "is typing in" if held.seconds is not None else "typed last in"
    return Refused(
        "lease_held",
        f"{held.by.person or 'somebody'} {why} this terminal",
        "wait until it is free, or take the lease",
        by=held.by.describe(),
        until=until,
    )


async def command_by_post(
    session: Session, principal: Principal, kind: str, wish: dict[str, Any], clock: Clock = CLOCK
) -> int:
    """A command from somebody who has no connection: the number of the event that records it. Raises Refused.

    On a terminal a prompt needs the lease free and holds it for the write only; a size counts while nobody types.
    """
    if kind in ("take_lease", "release_lease"):
        raise Refused("invalid", "a lease belongs to a connection", "send it on the session's stream")
    await session.wait_clear()
    if not session.is_terminal or session.ended or kind not in ("prompt", "resize"):
        return await session.command(wish, principal.by())
    lease, seat, now = session.lease, new_seat(principal, session.id), clock.boot()
    held = lease.borrow(seat, now) if kind == "prompt" else lease.bar_to_resizing(seat, now)
    bar = refusal(held, clock) if held is not None else None
    if bar is not None and "message_id" not in wish:
        raise bar
    session.hub.tell()
    try:
        return (await session.order(wish, principal.by(), refusal=bar)()).seq
    finally:
        lease.release(seat)
        session.hub.tell()
