"""What every request must pass, whether it is the first of its connection or the tenth: an ASGI app around the API."""

from __future__ import annotations

from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from supervisor.core import access
from supervisor.core.access import Principal, Route
from supervisor.core.printable import visible
from supervisor.errors import INTERNAL
from supervisor.web.body import Body, check_media_type, given_back
from supervisor.web.boundary import one_connection
from supervisor.web.head import Head, refuse_large
from supervisor.web.hosts import check_meant_for_us
from supervisor.web.problems import SECURITY_HEADERS, problem_response
from workers.errors import Refused

log = structlog.get_logger()

PATH_SHOWN = 200  # characters of a path that somebody made up, in a line of the log
BINARY_BODIES = {(access.SESSION + "/files", "PUT")}  # a file's content; everything else is JSON


def check_head(head: Head, principal: Principal, hosts: frozenset[str] | None) -> Route:
    """The checks that need only the head, in the order of the contract: Host, sign-in, route, role.

    `hosts` are the names that the listener goes by, None where they are not checked. Raises Refused.
    """
    refuse_large(head)
    if hosts is not None:
        check_meant_for_us(head, hosts)
    try:
        return access.route(principal, head.method, head.path, head.asks_for_websocket)
    except Refused as refused:
        if refused.code == "not_allowed":
            path = visible(head.path[:PATH_SHOWN])
            log.warning("not_allowed", session=principal.session, by=principal.kind, method=head.method, path=path)
        raise


class Checked:
    """The API behind all checks. Expects `principal`, `transport` and `hosts` in `scope["state"]`; adds `route`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # the listener keeps them away; should one come, it goes no further
            await send({"type": "websocket.close", "code": 1008})
            return
        answer = _Answer(send)
        with one_connection(path=scope["path"]) as outcome:
            await self._serve(scope, receive, answer)
        if outcome.failed and not answer.started:
            await answer.refuse(INTERNAL)

    async def _serve(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        state: dict[str, Any] = scope["state"]
        head = Head.of_scope(scope)
        body = Body(head, receive)
        try:
            route = check_head(head, state["principal"], state["hosts"])
            if head.asks_for_websocket:
                raise Refused("invalid", "a WebSocket needs a connection of its own", "open a new connection for it")
            content = await body.read()
            if (route.template, head.method) not in BINARY_BODIES:
                check_media_type(head, content)
        except Refused as refused:
            await body.discard()
            await answer.refuse(refused)
            return
        state["route"] = route
        if head.method == "HEAD":  # the answer to a GET; the server, which keeps its own scope, leaves the body out
            scope = {**scope, "method": "GET"}
        await self._app(scope, given_back(content, receive), answer.send)


class _Answer:
    """The way back to the client, with the headers that every answer carries."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            message = {**message, "headers": [*message.get("headers", []), *SECURITY_HEADERS]}
        await self._send(message)

    async def refuse(self, refused: Refused) -> None:
        status, headers, body = problem_response(refused)
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})
