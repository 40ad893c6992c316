"""Refusals on the wire."""

from __future__ import annotations

import json

import h11
import pytest

from supervisor.errors import CODES
from supervisor.web.problems import closing_response, problem_response, to_json, transport_security
from workers.errors import Refused


@pytest.mark.parametrize("code", CODES)
def test_every_refusal_is_a_whole_response(code: str) -> None:
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="GET", target="/", headers=[("host", "a")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(closing_response(Refused(code, "dé\ud800tail", "hint")))
    response, data, end = parser.next_event(), parser.next_event(), parser.next_event()
    assert isinstance(response, h11.Response) and isinstance(data, h11.Data) and isinstance(end, h11.EndOfMessage)
    told = json.loads(bytes(data.data))
    assert response.status_code == told["status"] == CODES[code][0]
    assert told["code"] == code
    assert (b"connection", b"close") in response.headers
    assert (b"x-content-type-options", b"nosniff") in response.headers


def test_a_refused_head_has_no_body() -> None:
    refused = Refused("not_found", "detail", "hint")
    head, _, body = closing_response(refused).partition(b"\r\n\r\n")
    assert body
    assert closing_response(refused, "HEAD") == head + b"\r\n\r\n"


def test_the_wrong_method_names_the_right_ones_in_a_header() -> None:
    _, headers, _ = problem_response(Refused("method_not_allowed", "", "", allow=["GET", "PATCH"]))
    assert (b"allow", b"GET, PATCH") in headers


def test_who_comes_too_often_is_told_when_to_come_again() -> None:
    _, headers, _ = problem_response(Refused("rate_limited", "", "", retry_after=7))
    assert (b"retry-after", b"7") in headers


def test_a_browser_remembers_tls_of_a_name_and_of_nothing_else() -> None:
    assert transport_security("box.example:7420", is_tls=True) == transport_security("box.example", is_tls=True) != []
    assert transport_security("box.example", is_tls=False) == []
    for host in ("192.0.2.7:7420", "[::1]:7420", "[::1]", "localhost:7420"):
        assert transport_security(host, is_tls=True) == []


def test_json_is_ascii_whatever_a_file_is_called() -> None:
    assert to_json({"a": "ü\udcff"}) == b'{"a":"\\u00fc\\udcff"}'


def test_json_knows_no_nan() -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_json(float("nan"))
