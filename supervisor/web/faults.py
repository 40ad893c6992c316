"""What goes wrong inside a request, translated once: refusals, bodies that do not fit, peers that went away, bugs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import trio
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from supervisor.errors import INTERNAL
from supervisor.web.responses import Problem
from workers.errors import Broken, Refused

DETAIL_LIMIT = 300  # characters; a detail repeats what was sent, which may be long
UNREADABLE = "There was an error parsing the body"  # FastAPI's words for whatever but a syntax error goes wrong there
_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}

Translate = Callable[[Request, Any], Coroutine[Any, Any, Response]]


async def _refused(request: Request, refused: Refused) -> Response:
    return Problem(refused)


async def _unfit(request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"][1:]) or str(first["loc"][0])
    if first["type"] == "json_invalid":
        return Problem(Refused("invalid", f"the body is not JSON: {first['ctx']['error']}", "send one JSON object"))
    why = str(first["msg"]).removeprefix("Value error, ")  # ours are sentences already
    detail = f"{_short(where)}: {_short(why)}"
    return Problem(Refused("invalid", detail, "see /openapi.json for what this takes", field=_short(where)))


async def _of_the_framework(request: Request, error: HTTPException) -> Response:
    if error.detail == UNREADABLE:
        detail = "the body is JSON that cannot be read: nested too deep, or a number of too many digits"
        return Problem(Refused("invalid", detail, "send one JSON object"))
    code = _BY_STATUS.get(error.status_code, "invalid")
    return Problem(Refused(code, _short(str(error.detail)), "see /openapi.json for what there is"))


async def _gone(request: Request, error: Exception) -> Response:
    return Problem(Refused("not_ready", "what was asked for went away in the middle of it", "try again"))


async def _bug(request: Request, error: Exception) -> Response:
    """Told without details; Starlette lets the error go on, and the connection's boundary logs it."""
    return Problem(INTERNAL)


def _short(text: str) -> str:
    return text if len(text) <= DETAIL_LIMIT else text[: DETAIL_LIMIT - 1] + "…"


TRANSLATIONS: dict[int | type[Exception], Translate] = {
    Refused: _refused,
    RequestValidationError: _unfit,
    HTTPException: _of_the_framework,
    Broken: _gone,
    trio.TooSlowError: _gone,
    Exception: _bug,
}
