"""The API as a whole: its routes, its description, and what it says to requests that do not fit."""

from __future__ import annotations

import socket

import pytest

from supervisor.core.access import PAGE_FILES, PAGES, ROUTES, SESSION, SESSIONS, WEBSOCKETS, Action
from tests.supervisor.web.boxes import ServedBox


def test_every_route_has_a_row_and_every_row_a_route(box: ServedBox) -> None:
    paths = box.ask("GET", "/openapi.json").json["paths"]
    routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert routes | {("GET", path) for path in ("/openapi.json", *PAGES, *PAGE_FILES)} == set(ROUTES)


def test_the_description_is_openapi_and_tells_of_problems(box: ServedBox) -> None:
    described = box.ask("GET", "/openapi.json").json
    assert described["openapi"].startswith("3.1")
    for path, methods in described["paths"].items():
        for operation in methods.values():
            refusal = operation["responses"]["4XX"]["content"]
            assert "application/problem+json" in refusal, path


def test_the_description_tells_of_keys_for_repeats(box: ServedBox) -> None:
    for _ in range(2):
        paths = box.ask("GET", "/openapi.json").json["paths"]
        assert [each["name"] for each in paths[SESSIONS]["post"]["parameters"]] == ["Idempotency-Key"]
        assert [each["in"] for each in paths[SESSION + "/exec"]["post"]["parameters"]] == ["path"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/v1", "/v1/approvals", "/v1/people", "/metric", "/docs", "/v1/code/sessions/"]
)
def test_what_is_not_there_is_not_found(box: ServedBox, path: str) -> None:
    assert box.ask("GET", path).code == "not_found"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b"null",
        b'"x"',
        b"\xff",
        b"{} {}",
        b'{"a":' * 5000,
        b"[" * 100_000,
        b"NaN",
        b'{"":1e999}',
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "/v1/box"), ("POST", "/v1/code/sessions"), ("POST", "/v1/projects"), ("POST", "/v1/shutdown")],
)
def test_a_body_that_is_no_object_is_invalid(box: ServedBox, method: str, path: str, raw: bytes) -> None:
    assert box.ask(method, path, raw=raw).code == "invalid"


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/v1/code/sessions", {"worker": "elsewhere"}, "worker"),
        ("POST", "/v1/code/sessions", {"permission_mode": "plan"}, "permission_mode"),
        ("POST", "/v1/code/sessions", {"name": 5}, "name"),
        ("POST", "/v1/code/sessions", {"name": "a\ud800"}, "name"),
        ("POST", "/v1/code/sessions", {"command": []}, "command"),
        ("POST", "/v1/code/sessions", {"command": ["a\0b"]}, "command.0"),
        ("POST", "/v1/code/sessions", {"command": "sh"}, "command"),
        ("POST", "/v1/code/sessions", {"env": {"A=B": "1"}}, "env.A=B.[key]"),
        ("POST", "/v1/code/sessions", {"env": {"A": 1}}, "env.A"),
        ("POST", "/v1/code/sessions", {"rows": 0}, "rows"),
        ("POST", "/v1/code/sessions", {"rows": 24.0}, "rows"),
        ("POST", "/v1/code/sessions", {"rows": True}, "rows"),
        ("POST", "/v1/code/sessions", {"spawn_mode": "session"}, "spawn_mode"),
        ("PATCH", "/v1/box", {"capacity": 0}, "capacity"),
        ("PATCH", "/v1/box", {"capacity": 1025}, "capacity"),
        ("PATCH", "/v1/box", {"capacity": "5"}, "capacity"),
        ("PATCH", "/v1/box", {"spawn_mode": "session"}, "spawn_mode"),
        ("PATCH", "/v1/box", {"colour": "red"}, "colour"),
        ("POST", "/v1/projects", {}, "path"),
        ("POST", "/v1/projects", {"path": "relative"}, "path"),
    ],
)
def test_a_field_that_does_not_fit_is_named(
    box: ServedBox, method: str, path: str, body: dict[str, object], field: str
) -> None:
    answer = box.ask(method, path, body)
    assert answer.code == "invalid"
    assert answer.json["field"] == field
    assert field in answer.json["detail"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "archived=perhaps", "state=sleeping", "since=now", "cursor=x", "sort=name"],
)
def test_a_query_that_does_not_fit_is_invalid(box: ServedBox, query: str) -> None:
    assert box.ask("GET", f"/v1/code/sessions?{query}").code == "invalid"


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@pytest.mark.parametrize("id", ["session_x", "..", "%2e%2e", "a%00b", "a%0ab", "%ff", "x" * 3000])
def test_a_session_that_is_not_there_is_unknown(box: ServedBox, method: str, id: str) -> None:
    body = {"name": "x"} if method == "PATCH" else None
    assert box.ask(method, f"/v1/code/sessions/{id}", body).code == "unknown_session"


def test_only_json_is_taken(box: ServedBox) -> None:
    answer = box.ask("PATCH", "/v1/box", raw=b"{}", headers={"content-type": "text/plain"})
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


def test_a_body_has_its_size(box: ServedBox) -> None:
    answer = box.ask("PATCH", "/v1/box", {"name": "x" * (1 << 20)})
    assert (answer.status, answer.code) == (413, "too_large")


# People are not let near those of remote workers; see test_bridge_routes.
PEOPLES = {route for route, action in ROUTES.items() if action is not Action.WORK}
WITH_BODIES = sorted((method, path) for method, path in PEOPLES if method not in ("GET", "PUT"))
FITTING = {"commands": {"kind": "interrupt"}, "exec": {"command": ["true"]}}  # where an empty object is not enough


@pytest.fixture(scope="module")
def session(box: ServedBox) -> str:
    id: str = box.new(name="target", command=["cat"])["id"]
    return id


@pytest.mark.parametrize(("method", "template"), WITH_BODIES)
def test_every_route_refuses_what_does_not_fit(box: ServedBox, session: str, method: str, template: str) -> None:
    path = template.replace("{id}", session)
    unfit: list[object] = [[], "x", 1, {"no-such-field": 1}]
    for body in unfit:
        assert box.ask(method, path, body).code == "invalid", body
    assert box.ask(method, path, raw=b"{").code == "invalid"
    assert box.ask(method, path, raw=b"{}", headers={"content-type": "text/plain"}).code == "unsupported_media_type"
    assert box.ask(method, path, {"x": "y" * (1 << 20)}).code == "too_large"
    assert box.session(session)["state"] == "running"


PLAIN = sorted(template for method, template in ROUTES if method == "GET" and template not in WEBSOCKETS)


@pytest.mark.parametrize("template", PLAIN)
def test_a_head_is_a_get_without_a_body(box: ServedBox, session: str, template: str) -> None:
    path = template.replace("{id}", session).replace("{sha256}", "0" * 64)
    got, headed = box.ask("GET", path), box.ask("HEAD", path)
    assert (headed.status, headed.body) == (got.status, b"")
    assert headed.headers["content-type"] == got.headers["content-type"]
    assert "content-length" in headed.headers


def test_behind_the_answer_to_a_head_comes_the_next_answer(box: ServedBox) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(box.socket)
        line.sendall(b"HEAD /v1/box HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        line.sendall(b"HEAD /v1/stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answers = b"".join(iter(lambda: line.recv(65536), b""))
    first, second, third = answers.split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200 ") and first.endswith(b"\r\n\r\n")
    assert second.startswith(b"200 ") and second.endswith(b'\r\n\r\n{"ok":true}')
    assert third.startswith(b"405 ") and third.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(("method", "template"), sorted(key for key in PEOPLES if key[1].startswith(SESSION)))
def test_every_route_knows_that_a_session_is_not_there(box: ServedBox, method: str, template: str) -> None:
    path = template.replace("{id}", "session_none").replace("{sha256}", "0" * 64)
    body = FITTING.get(template.rpartition("/")[2], {"name": "x"} if method == "PATCH" else {})
    asked = path + ("?path=x" if path.endswith("/files") else "")
    answer = box.ask(method, asked, None if method == "GET" else body, headers={"accept": "text/event-stream"})
    assert answer.code == "unknown_session"
