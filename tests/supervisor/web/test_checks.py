"""What every request must pass."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from supervisor.core.access import ANONYMOUS, OWNER, Principal
from supervisor.web.approach import Approach
from supervisor.web.checks import Checked, check_head, check_route
from supervisor.web.head import HEAD_LIMIT, Head
from supervisor.web.signin import Nobody, SignIn
from supervisor.web.sockets import Entrance, bind_tcp, bind_unix
from workers.errors import Broken, Refused

AGENT = Principal("agent", "session_own")
with socket.socket() as _closed:
    NOWHERE = Entrance(_closed, "unix")


def head(method: str = "GET", path: str = "/v1/box", **headers: str) -> Head:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Head(method, path, path, "", named)


class Known:
    """Takes everybody for the same, and remembers how they came."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.approaches: list[Approach] = []

    async def who(self, head: Head, approach: Approach) -> Principal:
        self.approaches.append(approach)
        return self.principal

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"dpop-nonce", b"n1")]


@pytest.fixture
def unix(tmp_path: Path) -> Iterator[Entrance]:
    entrance = bind_unix(str(tmp_path / "rc.sock"))
    with entrance.socket:
        yield entrance


@pytest.fixture
def tcp() -> Iterator[Entrance]:
    entrance = bind_tcp("127.0.0.1:0")
    with entrance.socket:
        yield entrance


def refusal(asked: Head, principal: Principal, entrance: Entrance) -> str | None:
    with capture_logs():
        try:
            check_head(asked, entrance, "127.0.0.1")
            check_route(asked, principal)
        except Refused as refused:
            return refused.code
    return None


def test_the_order_is_size_host_sign_in_route_role(tcp: Entrance) -> None:
    evil = {"host": "evil.example"}
    assert refusal(head(path="/x", pad="x" * HEAD_LIMIT, **evil), ANONYMOUS, tcp) == "head_too_large"
    assert refusal(head(path="/x", **evil), ANONYMOUS, tcp) == "misdirected"
    assert refusal(head(path="/healthz", **evil), ANONYMOUS, tcp) == "misdirected"
    assert refusal(head(path="/x", host="localhost"), ANONYMOUS, tcp) == "unauthenticated"
    assert refusal(head(path="/x", host="localhost"), OWNER, tcp) == "not_found"
    assert refusal(head("DELETE", host="localhost"), OWNER, tcp) == "method_not_allowed"
    assert refusal(head("PATCH", host="localhost"), AGENT, tcp) == "not_allowed"
    assert refusal(head(host="localhost"), AGENT, tcp) is None


def test_no_host_is_checked_on_the_unix_socket(unix: Entrance) -> None:
    assert refusal(head(host="evil.example", origin="http://evil.example"), OWNER, unix) is None


def test_what_a_session_may_not_do_is_logged() -> None:
    with capture_logs() as lines, pytest.raises(Refused):
        check_route(head("POST", "/v1/\x1b[31m"), AGENT)
    told = {"event": "not_allowed", "session": "session_own", "by": "agent", "method": "POST", "log_level": "warning"}
    assert lines == [{**told, "path": "/v1/\\x1b[31m"}]


async def test_each_request_on_tcp_says_anew_who_asks(tcp: Entrance) -> None:
    known = Known(OWNER)
    client = Client(echo, entrance=tcp, sign_in=known)
    assert await client.ask("GET", "/v1/box", host="localhost:9", authorization="DPoP x") == 200
    known.principal = ANONYMOUS
    assert await client.ask("GET", "/v1/box", host="localhost:9") == 401
    assert await client.ask("GET", "/v1/box", host="evil.example") == 421
    assert client.headers[b"dpop-nonce"] == b"n1"
    assert [each.origins for each in known.approaches] == [("http://localhost:9",)] * 2
    assert known.approaches[0].address == "192.0.2.7"


class Client:
    """Asks `Checked` as the server does."""

    def __init__(
        self,
        app: Any,
        principal: Principal | None = OWNER,
        entrance: Entrance | None = None,
        sign_in: SignIn | None = None,
    ) -> None:
        self.app = Checked(app, sign_in or Nobody())
        self.asker = principal if entrance is None else None
        self.entrance = entrance or NOWHERE
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
            "state": {"entrance": self.entrance, "peer": "192.0.2.7", "asker": self.asker},
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
