"""The API behind all checks: what gets through to it, and what every answer carries."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import trio
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from supervisor.core.access import OWNER, Principal
from supervisor.web.checks import Checked
from supervisor.web.gate import Arrival, Gate
from supervisor.web.places import Place, Places
from supervisor.web.signin import SignIn
from supervisor.web.sockets import Entrance, Manner, bind_tcp
from supervisor.web.throttle import Throttle
from tests.supervisor.web.doors import Nobody
from workers.errors import Broken

with socket.socket() as _closed:
    NOWHERE = Entrance(_closed, "unix")


class Client:
    """Asks `Checked` as the server does."""

    def __init__(
        self,
        app: Any,
        principal: Principal | None = OWNER,
        entrance: Entrance | None = None,
        sign_in: SignIn | None = None,
    ) -> None:
        self.app = Checked(app, Gate(sign_in or Nobody(), Throttle()))
        asker = principal if entrance is None else None
        self.arrival = Arrival(entrance or NOWHERE, "192.0.2.7", asker, Place(Places()))
        self.sent: list[Message] = []

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> int:
        self.sent.clear()
        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": named,
            "state": {"arrival": self.arrival},
        }

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, receive, self.take)
        status: int = self.sent[0]["status"] if self.sent else 0
        return status

    async def take(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = (await receive())["body"]
    assert scope["state"]["route"].template
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body", "body": body})


async def test_a_good_request_reaches_the_application_with_its_body() -> None:
    client = Client(echo)
    assert await client.ask("PATCH", "/v1/box", b"{}", content_type="application/json") == 200
    assert client.sent[1]["body"] == b"{}"
    assert client.headers[b"a"] == b"b"
    assert client.headers[b"x-content-type-options"] == b"nosniff"


async def test_the_content_of_a_file_may_be_anything() -> None:
    client = Client(echo)
    assert await client.ask("PUT", "/v1/code/sessions/session_a/files", b"\xff", content_type="image/png") == 200
    assert await client.ask("PATCH", "/v1/box", b"{}", content_type="image/png") == 415


async def test_a_head_is_answered_like_a_get() -> None:
    methods: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        methods.append(scope["method"])
        await echo(scope, receive, send)

    client = Client(app)
    assert await client.ask("HEAD", "/v1/box") == 200
    assert await client.ask("HEAD", "/v1/stream") == 405
    assert client.headers[b"allow"] == b"GET"
    assert methods == ["GET"]


async def test_a_refusal_is_a_problem_with_the_headers_of_every_answer() -> None:
    client = Client(echo)
    assert await client.ask("DELETE", "/v1/box") == 405
    assert client.headers[b"allow"] == b"GET, HEAD, PATCH"
    assert client.headers[b"cache-control"] == b"no-store"
    assert client.headers[b"content-type"] == b"application/problem+json"


async def test_an_upgrade_gets_no_further() -> None:
    client = Client(echo)
    assert await client.ask("GET", "/v1/stream", upgrade="websocket") == 422
    await client.app({"type": "websocket", "state": {}}, trio.sleep_forever, client.take)
    assert client.sent[-1]["type"] == "websocket.close"


async def test_a_bug_is_internal_and_logged() -> None:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError("secret")

    client = Client(faulty)
    with capture_logs() as lines:
        assert await client.ask("GET", "/v1/box") == 500
    assert b"secret" not in client.sent[1]["body"]
    assert [line["path"] for line in lines] == ["/v1/box"]


async def test_a_bug_after_the_answer_has_begun_sends_nothing_more() -> None:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise KeyError("late")

    client = Client(faulty)
    with capture_logs():
        assert await client.ask("GET", "/v1/box") == 200
    assert len(client.sent) == 1


async def test_a_client_that_left_gets_nothing() -> None:
    async def gone(scope: Scope, receive: Receive, send: Send) -> None:
        raise Broken("left")

    client = Client(gone)
    with capture_logs():
        assert await client.ask("GET", "/v1/box") == 0


async def test_a_client_that_came_by_tls_and_by_name_is_to_come_so_again() -> None:
    entrance = bind_tcp("127.0.0.1:0", Manner(public=("https://box.example",), tls=ssl.create_default_context()))
    with entrance.socket:
        client = Client(echo, entrance=entrance)
        await client.ask("GET", "/healthz", host="box.example")
        assert client.headers[b"strict-transport-security"] == b"max-age=2592000"
        for host in ("127.0.0.1:7420", "localhost"):
            await client.ask("GET", "/healthz", host=host)
            assert b"strict-transport-security" not in client.headers


async def test_a_place_is_not_taken_away_while_its_request_is_served() -> None:
    client = Client(echo)
    seen: list[bool] = []

    async def look(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(client.arrival.place.may_go)
        await echo(scope, receive, send)

    client.app = Checked(look, Gate(Nobody(), Throttle()))
    await client.ask("GET", "/v1/box")
    assert seen == [False] and client.arrival.place.may_go
