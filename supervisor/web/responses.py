"""Answers of the API: JSON as we write it, and problem objects."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from supervisor.web.problems import problem_response, to_json
from workers.errors import Refused


class Json(Response):
    """One JSON value. Made without FastAPI's conversions: what the box tells is JSON already."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return to_json(content)


class Problem(Response):
    """A refusal; for `status` see `problem_response`."""

    def __init__(self, refused: Refused, status: int | None = None) -> None:
        status, headers, body = problem_response(refused, status)
        named = {name.decode("ascii"): value.decode("ascii") for name, value in headers}
        super().__init__(body, status, named)
