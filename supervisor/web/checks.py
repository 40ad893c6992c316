"""What every request must pass, whether it is the first of its connection or the tenth: an ASGI app around the API."""

from __future__ import annotations

from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from supervisor.core import access
from supervisor.core.access import Principal, Route
from supervisor.core.printable import visible
from supervisor.errors import INTERNAL
from supervisor.web.approach import Approach, check_approach
from supervisor.web.body import Body, check_media_type, given_back
from supervisor.web.boundary import one_connection
from supervisor.web.head import Head, refuse_large
from supervisor.web.problems import SECURITY_HEADERS, problem_response
from supervisor.web.signin import SignIn
from supervisor.web.sockets import Entrance
from workers.errors import Refused

log = structlog.get_logger()

PATH_SHOWN = 200  # characters of a path that somebody made up, in a line of the log
BINARY_BODIES = {(access.SESSION + "/files", "PUT")}  # a file's content; everything else is JSON


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


class Checked:
    """The API behind all checks.

    Expects in `scope["state"]` what is known of the connection: `entrance`, `peer` (an IP address, None on the Unix
    socket) and `asker` (who it is on the Unix socket, settled at accept; None on TCP, where each request says it).
    Adds what is found of the request: `approach`, `principal` and `route`.
    """

    def __init__(self, app: ASGIApp, sign_in: SignIn) -> None:
        self._app = app
        self._sign_in = sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # the listener keeps them away; should one come, it goes no further
            await send({"type": "websocket.close", "code": 1008})
            return
        on_tcp = scope["state"]["asker"] is None
        answer = _Answer(send, self._sign_in.headers() if on_tcp else [])
        with one_connection(path=scope["path"]) as outcome:
            await self._serve(scope, receive, answer)
        if outcome.failed and not answer.started:
            await answer.refuse(INTERNAL)

    async def _serve(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        state: dict[str, Any] = scope["state"]
        head = Head.of_scope(scope)
        body = Body(head, receive)
        try:
            approach = check_head(head, state["entrance"], state["peer"])
            principal = state["asker"] or await self._sign_in.who(head, approach)
            route = check_route(head, principal)
            if head.asks_for_websocket:
                raise Refused("invalid", "a WebSocket needs a connection of its own", "open a new connection for it")
            content = await body.read()
            if (route.template, head.method) not in BINARY_BODIES:
                check_media_type(head, content)
        except Refused as refused:
            await body.discard()
            await answer.refuse(refused)
            return
        state.update(approach=approach, principal=principal, route=route)
        if head.method == "HEAD":  # the answer to a GET; the server, which keeps its own scope, leaves the body out
            scope = {**scope, "method": "GET"}
        await self._app(scope, given_back(content, receive), answer.send)


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

    async def refuse(self, refused: Refused) -> None:
        status, headers, body = problem_response(refused)
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})
