"""The two streams over HTTP, from a box that runs."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from supervisor.web.streams.routes import QUERY
from tests.supervisor.web.boxes import ServedBox

SSE = {"accept": "text/event-stream"}


def first_events(box: ServedBox, path: str, count: int) -> list[Any]:
    """The first events of a stream, which then is cut."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(10)
        line.connect(box.socket)
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: box\r\nAccept: text/event-stream\r\n\r\n".encode())
        got = b""
        while got.count(b"data: ") < count or not got.endswith(b"\n\n\r\n"):
            got += line.recv(65536)
    assert b"content-type: text/event-stream" in got.lower()
    return [json.loads(text[6:]) for text in got.split(b"\n") if text.startswith(b"data: ")]


@pytest.mark.parametrize("path", ["/v1/stream", "/v1/code/sessions/{id}/stream"])
@pytest.mark.parametrize("accept", [None, "*/*", "application/json"])
def test_who_does_not_ask_for_a_stream_gets_none(box: ServedBox, path: str, accept: str | None) -> None:
    id = box.new(command=["cat"])["id"]
    answer = box.ask("GET", path.format(id=id), headers={"accept": accept} if accept else None)
    assert (answer.status, answer.code) == (422, "invalid")


def test_the_box_tells_hello(box: ServedBox) -> None:
    (hello, *_) = first_events(box, "/v1/stream", 1)
    assert hello["type"] == "hello"
    assert hello["box"]["you"]["person"] == "owner"


def test_a_session_tells_hello(box: ServedBox) -> None:
    id = box.new(command=["cat"])["id"]
    hello, lease, *_ = first_events(box, f"/v1/code/sessions/{id}/stream?after=0&terminal_after=0", 2)
    assert (hello["type"], hello["session"]["id"], lease["type"]) == ("hello", id, "lease")


def test_what_is_wrong_is_a_problem(box: ServedBox) -> None:
    assert box.ask("GET", "/v1/code/sessions/unknown/stream", headers=SSE).code == "unknown_session"
    id = box.new(command=["cat"])["id"]
    path = f"/v1/code/sessions/{id}/stream"
    assert box.ask("GET", path + "?after=x", headers=SSE).code == "invalid"
    assert box.ask("GET", path, headers={**SSE, "last-event-id": "x"}).code == "invalid"
    assert box.ask("POST", path).code == "method_not_allowed"


def test_the_options_are_described(box: ServedBox) -> None:
    paths = box.ask("GET", "/openapi.json").json["paths"]
    described = {each["name"] for each in paths["/v1/code/sessions/{id}/stream"]["get"]["parameters"]}
    assert described == {"id", "Last-Event-ID", *QUERY}
