"""What a client of a session's stream says, carried out: keys, commands, the lease."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from supervisor.core.access import Principal, check_message
from supervisor.core.leases import Held, Seat
from supervisor.core.messages import Credit, Message, Order, Ping, Unfit, keys_of, parse
from supervisor.core.terminalanswers import Sieve
from supervisor.errors import problem
from supervisor.sessions.session import Session
from supervisor.web.stream_cursor import Cursor
from supervisor.web.stream_lease import Clock, refusal
from supervisor.web.stream_sender import Sender
from workers.errors import Refused

ORDERS = 64  # commands of one connection that wait for the disk; when full its next message waits for one of them
REFUSED_SECONDS = 1.0  # between two refusals of keys, by the interface

Accepted = Callable[[], Awaitable[int]]


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
        self._sender = sender
        self._cursor = cursor
        self._sieve = Sieve()
        self._refused_at: float | None = None
        self._took = trio.Event()
        self._sent, self._to_acknowledge = trio.open_memory_channel[tuple[str, Accepted]](ORDERS)

    @property
    def is_ready(self) -> bool:
        return self._sender.is_ready

    def take_keys(self, frame: bytes) -> None:
        """A binary frame. Not async on purpose: a key is at the worker before anything else of this box happens."""
        keys = keys_of(frame)
        if keys is None:
            unfit = parse(frame)
            assert isinstance(unfit, Unfit)
            self._sender.say(type="refused", id=None, error=problem(unfit.refused))
            return
        try:
            check_message(self._principal, "keys", self._session.id)
            self._type(keys)
        except Refused as refused:
            now = self._clock.boot()
            if self._refused_at is None or now - self._refused_at >= REFUSED_SECONDS:
                self._refused_at = now
                self._sender.say(type="refused", id=None, error=problem(refused))

    def _type(self, keys: bytes) -> None:
        if not self._session.is_terminal:
            raise Refused("invalid", "this session has no terminal to type into", "send a prompt")
        lease, now = self._session.lease, self._clock.boot()
        for is_answer, data in self._sieve.sort(keys):
            if is_answer:
                if lease.hears_answers_of(self._seat, now):
                    self._session.type(data)
                continue
            version = lease.version
            held = lease.type(self._seat, now)
            self._tell_since(version)
            if held is not None:
                raise refusal(held, self._clock)
            self._session.type(data)

    def _tell_since(self, version: int) -> None:
        """Every screen shows who types: tell when the lease has another holder than it then had."""
        if self._session.lease.version != version:
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
        """One frame. Waits only when `ORDERS` commands wait."""
        if isinstance(frame, bytes):
            self.take_keys(frame)
            return
        message: Message = parse(frame)
        if isinstance(message, Order):
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
        await self._sent.send((order.id, accepted))

    def _carry_out(self, order: Order) -> Accepted:
        """Raises Refused. Not async on purpose: between the look at the lease and the command nobody else types."""
        check_message(self._principal, order.kind, self._session.id)
        version = self._session.lease.version
        held = self._ask_lease(order.kind)
        self._tell_since(version)
        if held is not None:
            raise refusal(held, self._clock)
        return self._session.order(order.wish, self._principal.by())

    def _ask_lease(self, kind: str) -> Held | None:
        lease, now = self._session.lease, self._clock.boot()
        if not self._session.is_terminal:
            return None
        if kind == "prompt":
            return lease.type(self._seat, now)
        if kind == "resize":
            return lease.resize(self._seat, now)
        if kind == "take_lease":
            return lease.take(self._seat, now)
        if kind == "release_lease":
            lease.release(self._seat)
        return None

    async def acknowledge(self) -> None:
        """Tell of each command that it was accepted, or why not; in their order."""
        async for id, accepted in self._to_acknowledge:
            told: dict[str, Any]
            try:
                told = {"type": "ack", "id": id, "seq": await accepted()}
            except Refused as refused:
                told = {"type": "refused", "id": id, "error": problem(refused)}
            await self._sender.wait_ready()
            self._sender.say(**told)
