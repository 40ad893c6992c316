"""The life of `rc worker`: takes up or begins the run that the box wants, and is its worker over every cut."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
import trio

from supervisor.client.address import Address
from supervisor.client.api import PASSING, SESSIONS, Client
from supervisor.client.line import Line, opened, run
from supervisor.client.transport import Transport
from supervisor.logs import start_log
from supervisor.remote.exchange import Exchange, Source
from supervisor.remote.forward import Forwarder
from supervisor.remote.local import Place
from supervisor.sessions.session import Session
from workers.drivers.prctl import set_dumpable
from workers.errors import Broken, Refused

PING_SECONDS = 3.0  # the box takes a worker for silent behind 10 s
HELLO_SECONDS = 15.0  # a box that recovers 32 sessions says hello long before
PAUSE_FIRST, PAUSE_MOST = 0.2, 15.0  # between two tries; a box that was away is found again within the last
RENEW_SECONDS, RENEW_PAUSE = 5.0, 0.1  # from a new exchange on the box to its file here, copied by whatever means
VOID = ("stale_generation", "unauthenticated")  # the exchange is of no use any more
OVER = ("not_running", "unknown_session")  # nobody wants a worker

Upward = tuple[Session, int, int]  # what the box has of its events and of its output

log = structlog.get_logger()


def be_worker(transport: Transport, source: Source, state_dir: str, *, log_json: bool) -> int | None:
    """`work` in this process, which is for nothing else, in its directory and with its environment: None when the
    session has ended, else the number of the signal by which we were asked to leave."""
    set_dumpable(False)  # the agent has our account, and must not read the token out of our memory
    start_log(verbose=False, as_json=log_json)
    return run(_work_until_asked, transport, source, state_dir)


async def _work_until_asked(transport: Transport, source: Source, state_dir: str) -> int | None:
    # As the first process of a container we would not even be ended by a signal that nobody heeds.
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as tasks:
            asked: list[int] = []

            async def heed() -> None:
                asked.append(await anext(signals))
                log.info("asked_to_end", hint="what runs here runs on; rc worker takes it up again")
                tasks.cancel_scope.cancel()

            tasks.start_soon(heed)
            await work(transport, source, state_dir, os.getcwd(), dict(os.environ))
            tasks.cancel_scope.cancel()
    return asked[0] if asked else None


async def work(transport: Transport, source: Source, state_dir: str, here: str, own: Mapping[str, str]) -> None:
    """Until the session ends. `here` is where programs work, `own` the environment from which they get theirs.

    Raises Refused: with the code `stale_generation` or `unauthenticated` when the exchange is void and `source` has no
    other. A program runs on then, and whoever comes with a new one takes it up.
    """
    exchange = source.read()
    place = Place(state_dir, exchange.session, here, own)
    async with trio.open_nursery() as running:
        await running.start(place.run)
        await _Worker(Client(Address(transport, None)), source, exchange, place).run()
        log.info("session_ended", session=exchange.session)
        await place.end()
        running.cancel_scope.cancel()


class _Worker:
    """One session, and the box that it belongs to."""

    def __init__(self, client: Client, source: Source, exchange: Exchange, place: Place) -> None:
        self._client = client
        self._source = source
        self._exchange = exchange
        self._place = place

    async def run(self) -> None:
        """Until the session has ended, as far as the box is concerned."""
        pauses = _pauses()
        while True:
            try:
                await self._serve_once()
                pauses = _pauses()  # it was a line for a while
            except Broken as broken:
                log.warning("cut_off", session=self._exchange.session, cause=str(broken))
            except Refused as refused:
                if refused.code in OVER:
                    return
                if refused.code in VOID and await self._is_renewed():
                    continue
                if refused.code not in PASSING:
                    raise
                log.warning("not_let_in", session=self._exchange.session, code=refused.code, cause=refused.detail)
            await trio.sleep(next(pauses))

    async def _is_renewed(self) -> bool:
        """Whether there is another exchange than the one that was tried. Whoever makes one cuts us off as the box has
        it, and only then writes it down."""
        until = trio.current_time() + RENEW_SECONDS
        while self._source.is_renewed and trio.current_time() < until:
            with contextlib.suppress(Refused):  # half a file, which somebody is just writing
                exchange = self._source.read()
                if exchange.session == self._exchange.session and exchange.token != self._exchange.token:
                    self._exchange = exchange
                    return True
            await trio.sleep(RENEW_PAUSE)
        return False

    async def _serve_once(self) -> None:
        path = f"{SESSIONS}/{self._exchange.session}/worker"
        headers = [(b"authorization", f"Bearer {self._exchange.token}".encode("ascii"))]
        async with opened(self._client, path, headers=headers) as line:
            hello = await _hello(line)
            session, number, offset = await self._take_up(hello) or await self._begin(line, hello)
            log.info("connected", session=session.id, generation=hello["generation"])
            async with trio.open_nursery() as tasks:
                tasks.start_soon(Forwarder(session, line, number, offset).run)
                tasks.start_soon(_ping, session, line)
                await _Listener(session, line).run()
                tasks.cancel_scope.cancel()

    async def _take_up(self, hello: dict[str, Any]) -> Upward | None:
        """The run that the box knows, if it is one of ours, and how far the box has it."""
        run, number, offset = hello["run"], hello["number"], hello["terminal_offset"]
        if run is None or not self._place.has(run, number):
            return None
        session = await self._place.take_up(run)
        await session.wait_until(lambda: session.answers or session.ended)
        if session.hub.last_seq < number or session.hub.end < offset:
            # The power failed here: what we would number anew, the box would take for what it has.
            log.warning("journal_behind_the_box", session=session.id, ours=session.hub.last_seq, known=number)
            return None
        return session, number, offset

    async def _begin(self, line: Line, hello: dict[str, Any]) -> Upward:
        await self._place.end()
        run = self._place.prepare(hello["session"])
        await line.send({"type": "begin", "run": run})
        return await self._place.take_up(run), 0, 0


class _Listener:
    """What the box says, carried out in its order."""

    def __init__(self, session: Session, line: Line) -> None:
        self._session = session
        self._line = line

    async def run(self) -> None:
        """Until the box says goodbye for a while. Raises Refused, or Broken when the line is cut."""
        while True:
            message = await self._line.receive()
            if isinstance(message, bytes):
                await self._type(message[1:])
            elif message.get("type") == "command":
                await self._carry_out(message["number"], message["command"])
            elif message.get("type") == "bye":
                self._leave(str(message["reason"]), bool(message["retry"]))
                return
            elif message.get("type") == "refused":
                error = message["error"]
                raise Refused("failed", f"the box does not take what we tell: {error['detail']}", "report this")

    def _leave(self, reason: str, retry: bool) -> None:
        log.info("box_said_goodbye", session=self._session.id, reason=reason)
        if reason == "ended":
            raise _over()
        if reason == "stale_generation":
            raise Refused(reason, "there has been a later exchange for this session", "use that, or make a new one")
        if reason == "revoked":
            raise Refused("unauthenticated", "the device that asked for this exchange was revoked", "make a new one")
        if not retry:
            raise Refused("already_claimed", "another worker has come with the same exchange", "end one of them")

    async def _type(self, keys: bytes) -> None:
        await self._session.wait_room_for_keys()
        try:
            self._session.type(keys)
        except Refused as refused:  # the box has no way to tell whoever typed
            log.debug("keys_dropped", cause=refused.detail)

    async def _carry_out(self, number: int, wish: dict[str, Any]) -> None:
        """At least once: its id tells our own worker whether it is a repeat."""
        while True:
            await self._session.wait_until(lambda: self._session.answers or self._session.ended)
            try:
                await self._session.command(wish, None)
            except Refused as refused:
                if refused.code == "not_running" and not self._session.ended:
                    continue  # the worker here was just being taken up
                error = {"code": refused.code, "detail": refused.detail[:1000], "hint": refused.hint[:1000]}
                await self._line.send({"type": "done", "number": number, "error": error})
            else:
                await self._line.send({"type": "done", "number": number})
            return


async def _hello(line: Line) -> dict[str, Any]:
    with trio.move_on_after(HELLO_SECONDS):
        hello = await line.receive()
        if isinstance(hello, dict) and hello.get("type") == "bye" and hello.get("reason") == "ended":
            raise _over()
        if not isinstance(hello, dict) or hello.get("type") != "hello":
            raise Broken("the box does not say hello")
        if hello.get("protocol") != 1:
            raise Refused("failed", f"the box speaks version {hello.get('protocol')}", "install its release here")
        return hello
    raise Broken("the box does not say hello")


async def _ping(session: Session, line: Line) -> None:
    """Say that we are here, for as long as our own worker is: the box shows one that is silent."""
    while True:
        await trio.sleep(PING_SECONDS)
        if not session.unresponsive:
            await line.send({"type": "ping", "id": "here"})


def _over() -> Refused:
    return Refused(OVER[0], "the session has ended")


def _pauses() -> Iterator[float]:
    pause = PAUSE_FIRST
    while True:
        yield pause * random.uniform(0.75, 1.25)  # many workers of one box that was away do not come at one instant
        pause = min(PAUSE_MOST, pause * 1.7)
