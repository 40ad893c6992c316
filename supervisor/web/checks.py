"""What every request must pass, whether it is the first of its connection or the tenth: an ASGI app around the API."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import trio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from supervisor.core import access
from supervisor.core.access import Route
from supervisor.errors import INTERNAL
from supervisor.web.body import Body, check_media_type, given_back
from supervisor.web.boundary import one_connection
from supervisor.web.gate import Arrival, Gate
from supervisor.web.head import Head
from supervisor.web.places import Place
from supervisor.web.problems import SECURITY_HEADERS, problem_response, transport_security
from workers.errors import Refused

STREAMED_BODIES = {(access.SESSION + "/uploads/{name}", "PUT")}  # too large to be read before anything acts on it
LAST_WORD_SECONDS = 0.7  # after a device was locked out: streams say goodbye in 0.5, and a second is all there is
BINARY_BODIES = {(access.SESSION + "/files", "PUT")}  # a file's content; everything else is JSON


class Checked:
    """The API behind all checks. Expects the connection's `arrival` in `scope["state"]`, and adds what is found of the
    request: its `head` as it came, `approach`, `principal` and `route`, and its `body` for those that read it
    themselves."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # the listener keeps them away; should one come, it goes no further
            await send({"type": "websocket.close", "code": 1008})
            return
        arrival: Arrival = scope["state"]["arrival"]
        answer = _Answer(send, self._gate.headers(arrival))
        with one_connection(path=scope["path"]) as outcome, arrival.place.at_work():
            await self._serve(scope, receive, answer)
        if outcome.failed and not answer.started:
            await answer.refuse(INTERNAL)

    async def _serve(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        state: dict[str, Any] = scope["state"]
        head = Head.of_scope(scope)
        body = Body(head, receive)
        place: Place = state["arrival"].place
        try:
            if head.header("transfer-encoding") and head.header("content-length"):
                # RFC 9112 §6.1: a proxy may have gone by the other one, and what follows be part of this body to it.
                answer.add([(b"connection", b"close")])
                raise Refused("invalid", "the request says twice where its body ends", "send Content-Length alone")
            admission = await self._gate.admit(head, state["arrival"])
            approach, route = admission.approach, admission.route
            body.until(lock_out := self._gate.lock_out(admission.principal))
            answer.add(transport_security(approach.host, approach.entrance.manner.tls is not None))
            if head.asks_for_websocket:
                raise Refused("invalid", "a WebSocket needs a connection of its own", "open a new connection for it")
            if (route.template, head.method) not in STREAMED_BODIES:
                with place.still_asking():
                    receive = await _whole(head, body, route, receive)
        except Refused as refused:
            with place.still_asking():
                await body.discard()
            await answer.refuse(refused)
            return
        state.update(head=head, body=body, approach=approach, principal=admission.principal, route=route)
        if head.method == "HEAD":  # the answer to a GET; the server, which keeps its own scope, leaves the body out
            scope = {**scope, "method": "GET"}
        async with _ended_by(lock_out):
            await self._app(scope, receive, answer.send)


@contextlib.asynccontextmanager
async def _ended_by(lock_out: trio.Event | None) -> AsyncIterator[None]:
    """What a device has under way ends with it: an answer that it reads slowly, say. There is time for a last word,
    and for the answer to who locks out the device that they ask from."""
    if lock_out is None:
        yield
        return
    async with trio.open_nursery() as tasks:

        async def cut(lock_out: trio.Event) -> None:
            await lock_out.wait()
            await trio.sleep(LAST_WORD_SECONDS)
            tasks.cancel_scope.cancel()

        tasks.start_soon(cut, lock_out)
        yield
        tasks.cancel_scope.cancel()


async def _whole(head: Head, body: Body, route: Route, receive: Receive) -> Receive:
    content = await body.read()
    if (route.template, head.method) not in BINARY_BODIES:
        check_media_type(head, content)
    return given_back(content, receive)


class _Answer:
    """The way back to the client, with the headers that every answer carries."""

    def __init__(self, send: Send, more: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._headers = [*SECURITY_HEADERS, *more]
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            own = list(message.get("headers", []))
            named = {name.lower() for name, _ in own}  # the page has a policy of its own, and files that may be kept
            message = {**message, "headers": own + [each for each in self._headers if each[0] not in named]}
        await self._send(message)

    def add(self, headers: list[tuple[bytes, bytes]]) -> None:
        self._headers += headers

    async def refuse(self, refused: Refused) -> None:
        status, headers, body = problem_response(refused)
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})
