"""The way in, over real sockets: who gets through, on the first request of a connection and on the second."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest
import trio
from starlette.types import Receive, Scope, Send

from supervisor.core.access import OWNER, Principal
from supervisor.web.approach import Approach
from supervisor.web.head import Head
from supervisor.web.listener import STOP_GRACE
from supervisor.web.places import PATIENCE, PER_SITE
from supervisor.web.sockets import Manner, bind_tcp
from tests.supervisor.web.doors import Door, Line, Nobody, open_door, open_tls_door

UPGRADE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
}
AGENT = Principal("agent", "session_own")


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(tmp_path) as door:
        yield door


async def test_the_health_check_needs_no_sign_in(door: Door) -> None:
    assert (await door.ask("GET", "/healthz", transport="tcp")).status == 200
    assert (await door.ask("GET", "/healthz")).json["transport"] == "unix"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/box"), ("GET", "/readyz"), ("POST", "/v1/code/sessions"), ("GET", "/openapi.json"), ("GET", "/x")],
)
async def test_everything_else_on_tcp_wants_a_sign_in(door: Door, method: str, path: str) -> None:
    answer = await door.ask(method, path, transport="tcp")
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert "www-authenticate" in answer.headers
    async with door.line("tcp") as line:
        assert (await line.ask("GET", "/healthz")).status == 200
        assert (await line.ask(method, path)).code == "unauthenticated"


async def test_a_websocket_on_tcp_wants_a_sign_in_too(door: Door) -> None:
    answer = await door.ask("GET", "/v1/stream", headers=UPGRADE, transport="tcp")
    assert answer.code == "unauthenticated"
    assert door.websockets == []


@pytest.mark.parametrize(
    "bad",
    [
        {"host": "evil.example"},
        {"host": "localhost:80@evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"host": "localhost:1", "origin": "http://localhost:2"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_what_was_meant_for_another_site_is_misdirected(door: Door, bad: dict[str, str]) -> None:
    assert (await door.ask("GET", "/healthz", headers=bad, transport="tcp")).code == "misdirected"
    assert (await door.ask("GET", "/v1/box", headers=bad, transport="tcp")).code == "misdirected"
    assert (await door.ask("GET", "/healthz", headers=bad)).status == 200  # neither is checked on rc.sock
    async with door.line("tcp") as line:
        assert (await line.ask("GET", "/healthz")).status == 200
        assert (await line.ask("GET", "/healthz", headers=bad)).code == "misdirected"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:7420", "[::1]:9", "LOCALHOST:1"])
async def test_an_ssh_tunnel_may_change_the_port(door: Door, host: str) -> None:
    origin = {"host": host, "origin": f"http://{host.lower()}"}
    assert (await door.ask("GET", "/healthz", headers=origin, transport="tcp")).status == 200


async def test_an_upgrade_goes_to_the_streams_with_all_that_was_read(door: Door) -> None:
    async with door.line() as line:
        await line.stream.send_all(
            b"GET /v1/code/sessions/session_%61/stream?after=1 HTTP/1.1\r\nHost: x\r\n"
            b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00"
        )
        assert (await line.stream.receive_some(9)) == b"HTTP/1.1 "
    head, raw, principal = door.websockets[0]
    assert (head.path, head.query) == ("/v1/code/sessions/session_a/stream", "after=1")
    assert raw.endswith(b"\r\n\r\n\x81\x00")
    assert principal == door.asker


@pytest.mark.parametrize(("path", "code"), [("/v1/box", "not_found"), ("/nowhere", "not_found")])
async def test_an_upgrade_where_no_stream_is_gets_no_further(door: Door, path: str, code: str) -> None:
    assert (await door.ask("GET", path, headers=UPGRADE)).code == code
    assert door.websockets == []


@pytest.mark.parametrize("path", ["/v1/stream", "/v1/box", "/healthz"])
async def test_an_upgrade_as_the_second_request_is_refused(door: Door, path: str) -> None:
    async with door.line() as line:
        assert (await line.ask("GET", "/healthz")).status == 200
        answer = await line.ask("GET", path, headers=UPGRADE)
        assert answer.code == ("invalid" if path == "/v1/stream" else "not_found")
    assert door.websockets == []


async def test_an_upgrade_to_http2_is_not_taken(door: Door) -> None:
    async with door.line() as line:
        headers = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABkAAQAAP__"}
        assert (await line.ask("GET", "/healthz", headers=headers)).status == 200
        assert (await line.ask("GET", "/v1/box")).status == 200
    async with door.line() as line:
        assert (await line.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")).status >= 400


async def test_a_program_inside_a_session_is_kept_to_its_own(door: Door) -> None:
    door.asker = AGENT
    async with door.line() as line:
        assert (await line.ask("GET", "/v1/box")).status == 200
        refused = await line.ask("POST", "/v1/code/sessions", b"no json")
        assert refused.code == "not_allowed"
        assert refused.json["hint"] == "run it in a terminal outside every session"
        assert (await line.ask("GET", "/v1/code/sessions/session_other")).code == "not_allowed"
        assert (await line.ask("GET", "/nowhere")).code == "not_allowed"
    other = await door.ask("GET", "/v1/code/sessions/session_other/stream", headers=UPGRADE)
    assert other.code == "not_allowed"
    async with door.line() as line:
        answer = await line.ask("GET", "/v1/code/sessions/session_own/files?path=x")
        assert answer.status == 405  # allowed, and this small app only knows PUT there


async def test_unknown_paths_and_methods_are_problems(door: Door) -> None:
    assert (await door.ask("GET", "/nowhere")).code == "not_found"
    wrong = await door.ask("DELETE", "/v1/box")
    assert (wrong.code, wrong.headers["allow"]) == ("method_not_allowed", "GET, HEAD, PATCH")
    assert (await door.ask("GET", "http://evil.example/healthz")).code == "not_found"


async def test_every_answer_carries_the_security_headers(door: Door) -> None:
    answers = [await door.ask("GET", path, transport=way) for path in ("/healthz", "/x") for way in ("unix", "tcp")]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", "invalid"),
        (b"GET / HTTP/1.1\r\n\r\n", "invalid"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "invalid"),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "invalid"),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20000 + b"\r\n\r\n", "head_too_large"),
        (b"GET /healthz?" + b"y" * 20000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", "head_too_large"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: y\r\n" * 4000, "head_too_large"),
    ],
)
async def test_a_broken_head_is_told_so(door: Door, octets: bytes, code: str, first: bool) -> None:
    async with door.line() as line:
        if not first:
            assert (await line.ask("GET", "/healthz")).status == 200
        assert (await line.raw(octets)).code == code
        if first:
            assert await line.closed()


async def test_a_broken_body_ends_its_connection_only(door: Door) -> None:
    async with door.line() as line:
        head = b"PATCH /v1/box HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
        assert (await line.raw(head)).code == "invalid"
        assert await line.closed()
    assert (await door.ask("GET", "/healthz")).status == 200


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("transport", ["unix", "tcp"])
async def test_a_body_that_is_too_large_is_refused_and_the_refusal_arrives(
    door: Door, transport: str, told: bool
) -> None:
    size = (1 << 20) + 1
    head = b"PATCH /v1/box HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    if told:
        sent = head + b"Content-Length: %d\r\n\r\n" % size + b"x" * size
    else:
        sent = head + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % size + b"x" * size + b"\r\n0\r\n\r\n"
    async with door.line(transport) as line:
        assert (await line.raw(sent)).code == ("too_large" if transport == "unix" else "unauthenticated")


async def test_a_body_of_the_largest_size_gets_through(door: Door) -> None:
    answer = await door.ask("PATCH", "/v1/box", b"x" * (1 << 20))
    assert answer.json["octets"] == 1 << 20


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_only_json_is_taken(door: Door, media_type: str) -> None:
    headers = {"content-type": media_type}
    assert (await door.ask("PATCH", "/v1/box", b"{}", headers)).code == "unsupported_media_type"
    file = await door.ask("PUT", "/v1/code/sessions/session_a/files?path=a", b"{}", headers)
    assert file.status == 200


async def test_a_bug_is_answered_without_its_details(tmp_path: Path) -> None:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("a secret of the house")

    async with open_door(tmp_path, faulty) as door, door.line() as line:
        for _ in range(2):
            answer = await line.ask("GET", "/v1/box")
            assert answer.code == "internal"
            assert b"secret" not in answer.body


async def test_a_head_that_drips_times_out(door: Door, autojump_clock: trio.testing.MockClock) -> None:
    for before in (0, 1):
        async with door.line() as line:
            for _ in range(before):
                assert (await line.ask("GET", "/healthz")).status == 200
            assert (await line.raw(b"GET /healthz HTTP/1.1\r\n")).code == "request_timeout"
            assert await line.closed()


async def test_a_body_that_drips_times_out(door: Door, autojump_clock: trio.testing.MockClock) -> None:
    async with door.line() as line:
        head = b"PATCH /v1/box HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
        assert (await line.raw(head)).code == "request_timeout"


async def test_silent_connections_harm_nobody(door: Door) -> None:
    async with trio.open_nursery() as nursery:
        for way in ("unix", "tcp"):
            for _ in range(200):
                await nursery.start(_keep_silent, door, way)
        assert (await door.ask("GET", "/healthz", transport="tcp")).status == 200
        assert (await door.ask("GET", "/v1/box")).status == 200
        nursery.cancel_scope.cancel()


async def _keep_silent(door: Door, way: str, task_status: trio.TaskStatus[None]) -> None:
    async with door.line(way):
        task_status.started()
        await trio.sleep_forever()


async def test_the_oldest_silent_connection_makes_room(door: Door) -> None:
    async with door.line("tcp") as eldest, trio.open_nursery() as nursery:
        for _ in range(PER_SITE):
            await nursery.start(_keep_silent, door, "tcp")
        assert await eldest.closed()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("path", ["/v1/pairings/claim", "/v1/box"])
async def test_who_never_sends_the_rest_of_a_request_keeps_nobody_out(door: Door, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
    async with contextlib.AsyncExitStack() as held:
        for _ in range(PER_SITE):
            line = await held.enter_async_context(door.line("tcp"))
            await line.stream.send_all(head.encode())
            assert (await line.stream.receive_some(64)).startswith(b"HTTP/1.1 100")
        with trio.fail_after(PATIENCE):  # for which one waits when all are at work
            assert (await door.ask("GET", "/healthz", transport="tcp")).status == 200


async def test_a_reader_that_is_stuck_delays_nobody_and_not_the_stop(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door, door.line() as stuck, trio.open_nursery() as nursery:
        await stuck.stream.send_all(b"GET /v1/df HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await stuck.stream.receive_some(9) == b"HTTP/1.1 "
        assert (await door.ask("GET", "/healthz")).status == 200
        nursery.start_soon(_stop_within, door, STOP_GRACE + 1)


async def _stop_within(door: Door, seconds: float) -> None:
    door.stopping.set()
    with trio.fail_after(seconds):
        await door.stopped.wait()


async def test_stopping_closes_idle_lines_at_once_and_finishes_answers(tmp_path: Path) -> None:
    began, finish = trio.Event(), trio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/v1/box":
            began.set()
            await finish.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async with open_door(tmp_path, slow) as door, door.line() as busy, door.line() as idle:
        assert (await idle.ask("GET", "/healthz")).status == 200
        await busy.stream.send_all(b"GET /v1/box HTTP/1.1\r\nHost: a\r\n\r\n")
        await began.wait()
        door.stopping.set()
        assert await idle.closed()
        finish.set()
        assert (await busy.raw(b"")).body == b"ok"
        with trio.fail_after(STOP_GRACE):
            await door.stopped.wait()


async def test_a_client_that_stops_reading_loses_its_line(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_door(tmp_path) as door, door.line() as stuck:
        await stuck.stream.send_all(b"GET /v1/df HTTP/1.1\r\nHost: a\r\n\r\n")
        await trio.sleep(60)
        assert await stuck.closed()


async def test_the_socket_is_for_this_account_only(door: Door) -> None:
    assert stat.S_IMODE(os.stat(door.path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(door.path)).st_mode) == 0o700


async def test_many_requests_on_one_line(door: Door) -> None:
    async with door.line() as line:
        for size in (0, 1, 70000, 3):
            body = json.dumps("x" * size).encode()
            assert (await line.ask("PATCH", "/v1/box", body)).json["octets"] == len(body)


async def test_nothing_follows_a_request_whose_end_is_told_in_two_ways(door: Door) -> None:
    head = b"POST /v1/pairings/claim HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"
    async with door.line("tcp") as line:
        answer = await line.raw(head + b"\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (answer.status, answer.code, answer.headers["connection"]) == (422, "invalid", "close")
        assert await line.closed()


async def test_pipelined_requests_are_each_checked(door: Door) -> None:
    async with door.line("tcp") as line:
        await line.stream.send_all(
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1/box HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        assert (await Line(line.stream).raw(b"")).status == 200
        assert (await Line(line.stream).raw(b"")).code == "unauthenticated"


async def test_under_tls_everything_is_checked_as_without(tmp_path: Path) -> None:
    async with open_tls_door(tmp_path) as door:
        bad = [
            {"host": "evil.example"},
            {"host": "localhost", "origin": "http://localhost"},  # the page of another scheme is another's
            {"host": "localhost", "origin": "https://localhost:1"},
            {"sec-fetch-site": "cross-site"},
        ]
        for headers in bad:
            assert (await door.ask("GET", "/healthz", headers=headers, transport="tcp")).code == "misdirected"
        async with door.line("tcp") as line:
            assert (await line.ask("GET", "/healthz")).json["origins"] == ["https://localhost"]
            for headers in bad:
                assert (await line.ask("GET", "/healthz", headers=headers)).code == "misdirected"
            assert (await line.ask("GET", "/v1/box")).code == "unauthenticated"
            assert (await line.ask("GET", "/v1/stream", headers=UPGRADE)).code == "unauthenticated"
            assert (await line.ask("GET", "/healthz", headers={"origin": "https://localhost"})).status == 200


async def test_under_tls_a_large_body_and_a_large_answer_get_through(tmp_path: Path) -> None:
    async with open_tls_door(tmp_path, sign_in=Known()) as door, door.line("tcp") as line:
        assert (await line.ask("PATCH", "/v1/box", b"x" * (1 << 20))).json["octets"] == 1 << 20
        assert (await line.ask("PATCH", "/v1/box", b"x" * ((1 << 20) + 1))).code == "too_large"
        assert (await line.raw(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20000)).code == "head_too_large"


async def test_under_tls_a_refusal_of_an_upgrade_arrives_whole(tmp_path: Path) -> None:
    async with open_tls_door(tmp_path) as door, door.line("tcp") as line:
        assert (await line.ask("GET", "/v1/stream", headers=UPGRADE)).code == "unauthenticated"
        assert await line.closed()
        assert door.websockets == []


async def test_plain_http_where_tls_is_spoken_is_told_so(tmp_path: Path) -> None:
    async with open_tls_door(tmp_path) as door:
        door.trusted = None
        answer = await door.ask("GET", "/healthz", transport="tcp")
        assert (answer.code, answer.json["hint"]) == ("invalid", "use https://")
        async with door.line("tcp") as line:
            await line.stream.send_all(b"\x00" * 100)
            assert await line.closed()


async def test_a_proxy_speaks_for_many_over_one_line(tmp_path: Path) -> None:
    manner = Manner(public=("https://box.example",), proxies=(ip_network("127.0.0.0/8"),))
    async with open_door(tmp_path, tcp=bind_tcp("127.0.0.1:0", manner)) as door, door.line("tcp") as line:
        for client in ("192.0.2.7", "2001:db8::7"):
            told = {"x-forwarded-for": client, "x-forwarded-proto": "https", "x-forwarded-host": "box.example"}
            answer = (await line.ask("GET", "/healthz", headers=told)).json
            assert (answer["address"], answer["origins"]) == (client, ["https://box.example"])
            assert (await line.ask("GET", "/v1/box", headers=told)).code == "unauthenticated"
        evil = {"x-forwarded-for": "192.0.2.7", "x-forwarded-host": "evil.example"}
        assert (await line.ask("GET", "/healthz", headers=evil)).code == "misdirected"
        assert (await line.ask("GET", "/healthz")).json["address"] == "127.0.0.1"


async def test_what_a_stranger_forwards_is_nothing_to_us(door: Door) -> None:
    told = {"x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https", "x-forwarded-host": "box.example"}
    async with door.line("tcp") as line:
        for _ in range(2):
            answer = (await line.ask("GET", "/healthz", headers={**told, "forwarded": "for=192.0.2.8"})).json
            assert (answer["address"], answer["origins"]) == ("127.0.0.1", ["http://localhost"])


@pytest.mark.parametrize("path", ["/healthz", "/v1/box", "/v1/code/sessions", "/", "/nowhere"])
async def test_a_preflight_is_told_nothing_that_a_browser_would_take_for_leave(door: Door, path: str) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,dpop"}
    for origin in ({}, {"origin": "http://evil.example"}, {"origin": "http://localhost"}):
        async with door.line("tcp") as line:
            assert (await line.ask("GET", "/healthz")).status == 200
            answer = await line.ask("OPTIONS", path, headers={**asked, **origin})
            assert answer.status >= 400
            assert not [name for name in answer.headers if name.startswith("access-control")]


class Known(Nobody):
    """Takes everybody for the owner."""

    async def who(self, head: Head, approach: Approach) -> Principal:
        return OWNER
