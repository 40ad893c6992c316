"""Answers of the API."""

from __future__ import annotations

from supervisor.web.responses import Json, Problem
from workers.errors import Refused


def test_json_is_written_as_we_write_it() -> None:
    answer = Json({"name": "ü"}, status_code=201)
    assert (answer.status_code, answer.body) == (201, b'{"name":"\\u00fc"}')
    assert answer.headers["content-type"] == "application/json"


def test_a_problem_carries_its_status_and_headers() -> None:
    answer = Problem(Refused("method_not_allowed", "no", "", allow=["GET"]))
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-length"] == str(len(bytes(answer.body)))
