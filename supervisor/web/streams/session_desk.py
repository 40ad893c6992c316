"""What a client of a session's stream says, carried out: keys, commands, the lease."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from supervisor.core.access import MESSAGES, Principal, check_message, may
from supervisor.core.leases import Lease, Seat
from supervisor.core.messages import Credit, Keys, Message, Order, Ping, Unfit, parse
from supervisor.core.terminalanswers import Sieve
from supervisor.errors import problem
from supervisor.sessions.session import Acceptance, Session
from supervisor.web.streams.lease import Clock, refusal
from supervisor.web.streams.sender import Sender
from supervisor.web.streams.session_cursor import Cursor
from workers.errors import Refused

ORDERS = 64  # commands of one connection that wait for the disk; when full its next message waits for one of them
REFUSED_SECONDS = 1.0  # between two refusals of keys: one who types blindly is told once, not at each key

Accepted = Callable[[], Awaitable[Acceptance]]

_BARS = {"prompt": Lease.bar_to_typing, "resize": Lease.bar_to_resizing, "take_lease": Lease.bar_to_taking}


class Desk:
    """Takes one connection's messages, in order, and answers through `sender`.

    A command is sent to the worker at once and its acceptance waited for elsewhere (`acknowledge`), so that keys
    behind it are not held up, and still arrive behind it.
    """

    def __init__(
        self, session: Session, seat: Seat, principal: Principal, clock: Clock, sender: Sender, cursor: Cursor
    ) -> None:
        self._session = session
        self._seat = seat
        self._principal = principal
        self._clock = clock
        self._lease = session.lease
        # Once for the connection: its principal does not change, and a session is a terminal for ever.
        self._may_type = session.is_terminal and may(principal, MESSAGES["keys"], session.id)
        self._sender = sender
        self._cursor = cursor
        self._sieve = Sieve()
        self._refused_at: float | None = None
        self._took = trio.Event()
        self._sent, self._to_acknowledge = trio.open_memory_channel[tuple[Order, Accepted]](ORDERS)

    def take_keys(self, keys: bytes) -> None:
        """Keys for the terminal. Not async on purpose: a key is at the worker before anything else of this box happens.

        Whatever is refused is told at most once a second: keys come off the short way, where no answer waits for room.
        """
        try:
            if not self._may_type:
                check_message(self._principal, "keys", self._session.id)
                raise Refused("invalid", "this session has no terminal to type into", "send a prompt")
            now = self._clock.boot()
            if self._sieve.has_answers(keys):
                self._sort(keys, now)
            else:
                self._type(keys, now)
        except Refused as refused:
            now = self._clock.boot()
            if self._refused_at is None or now - self._refused_at >= REFUSED_SECONDS:
                self._refused_at = now
                self._sender.say(type="refused", id=None, error=problem(refused))

    def may_take_keys(self) -> bool:
        """Whether `take_keys` may be called without waiting for room first."""
        return self._session.has_room_for_keys

    def _sort(self, keys: bytes, now: float) -> None:
        for is_answer, data in self._sieve.sort(keys):
            if not is_answer:
                self._type(data, now)
            elif self._lease.hears_answers_of(self._seat, now):
                self._session.type(data)

    def _type(self, keys: bytes, now: float) -> None:
        if not self._lease.renew(self._seat, now):
            self._begin_to_type(now)
        self._session.type(keys)

    def _begin_to_type(self, now: float) -> None:
        """Take the lease. Raises Refused: nothing runs here any more, or somebody else types."""
        self._session.check_running()
        version = self._lease.version
        held = self._lease.type(self._seat, now)
        if self._lease.version != version:
            self._tell_lease()
        if held is not None:
            raise refusal(held, self._clock)

    def _tell_lease(self) -> None:
        """The lease has another holder than it had: every screen shows who types."""
        self._took.set()
        self._session.hub.tell()

    async def keep_lease(self) -> None:
        """Whenever this connection has the lease, see that it ends in time."""
        while True:
            await self._took.wait()
            self._took = trio.Event()
            seconds = self._seconds_left()
            while seconds is not None:
                await trio.sleep(seconds)
                seconds = self._seconds_left()
            self._session.hub.tell()

    def _seconds_left(self) -> float | None:
        lease, now = self._session.lease, self._clock.boot()
        return lease.seconds_left(now) if lease.holder(now) == self._seat else None

    async def take(self, frame: str | bytes) -> None:
        """One frame. Waits when `ORDERS` commands wait, or the worker or the program has not read what it was sent."""
        message: Message = parse(frame)
        if isinstance(message, Keys | Order):
            await self._session.wait_clear()
        if isinstance(message, Keys):
            await self._session.wait_room_for_keys()
            self.take_keys(message.data)
        elif isinstance(message, Order):
            await self._take_order(message)
        elif isinstance(message, Ping):
            self._sender.say(type="pong", id=message.id)
        elif isinstance(message, Credit):
            self._cursor.credit(message.offset)
            self._sender.moved()
        else:
            assert isinstance(message, Unfit)
            self._sender.say(type="refused", id=message.id, error=problem(message.refused))

    async def _take_order(self, order: Order) -> None:
        try:
            accepted = self._carry_out(order)
        except Refused as refused:
            self._sender.say(type="refused", id=order.id, error=problem(refused))
            return
        await self._sent.send((order, accepted))

    def _carry_out(self, order: Order) -> Accepted:
        """Raises Refused. Not async on purpose: between the look at the lease and the command nobody else types."""
        check_message(self._principal, order.kind, self._session.id)
        bar = self._bar_to(order.kind)
        if bar is not None and order.message_id is None:
            raise bar
        # A repeat is answered like the first time, whoever types by now: only the worker knows whether it is one.
        accepted = self._session.order(order.wish, self._principal.by(), refusal=bar)
        if bar is None and not _waits_for_worker(order):
            self._move_lease(order.kind)
        return accepted

    def _bar_to(self, kind: str) -> Refused | None:
        """Why the lease does not let this connection do this."""
        bar = _BARS.get(kind) if self._session.is_terminal else None
        held = bar(self._session.lease, self._seat, self._clock.boot()) if bar else None
        return refusal(held, self._clock) if held else None

    def _move_lease(self, kind: str) -> None:
        """The lease goes where this command wants it; there is none at a session that has ended."""
        if self._session.ended:
            return
        lease, now = self._session.lease, self._clock.boot()
        version = lease.version
        if self._session.is_terminal and kind == "prompt":
            lease.type(self._seat, now)
        elif self._session.is_terminal and kind == "take_lease":
            lease.take(self._seat, now)
        elif kind == "release_lease":
            lease.release(self._seat)
        if lease.version != version:
            self._tell_lease()

    async def acknowledge(self) -> None:
        """Tell of each command that it was accepted, or why not; in their order."""
        async for order, accepted in self._to_acknowledge:
            told: dict[str, Any]
            try:
                acceptance = await accepted()
                if _waits_for_worker(order) and not acceptance.repeat:
                    self._move_lease(order.kind)
                told = {"type": "ack", "id": order.id, "seq": acceptance.seq}
            except Refused as refused:
                told = {"type": "refused", "id": order.id, "error": problem(refused)}
            await self._sender.wait_ready()
            self._sender.say(**told)


def _waits_for_worker(order: Order) -> bool:
    """Whether the lease moves only once the worker has said that this is no repeat."""
    return order.kind in ("take_lease", "release_lease") and order.message_id is not None
