"""What goes wrong inside a request, as it is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from supervisor.web.faults import DETAIL_LIMIT, TRANSLATIONS
from workers.errors import Broken, Refused


async def told(fault: Exception) -> dict[str, Any]:
    for kind in type(fault).__mro__:
        if kind in TRANSLATIONS:
            response = await TRANSLATIONS[kind](Request({"type": "http"}), fault)
            problem: dict[str, Any] = json.loads(bytes(response.body))
            assert response.status_code == problem["status"]
            assert response.headers["content-type"] == "application/problem+json"
            return problem
    raise AssertionError(f"nobody tells of {fault!r}")


def unfit(kind: str, *where: str | int, **more: object) -> RequestValidationError:
    return RequestValidationError([{"type": kind, "loc": where, "msg": "Field required", **more}])


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Refused("kept", "changed files", ""), "kept"),
        (HTTPException(404), "not_found"),
        (HTTPException(405), "method_not_allowed"),
        (HTTPException(413), "too_large"),
        (HTTPException(400, "There was an error parsing the body"), "invalid"),
        (Broken("the worker went away"), "not_ready"),
        (trio.TooSlowError(), "not_ready"),
        (KeyError("secret"), "internal"),
    ],
)
async def test_every_fault_has_its_code(fault: Exception, code: str) -> None:
    problem = await told(fault)
    assert problem["code"] == code
    assert "secret" not in str(problem)


async def test_a_field_that_does_not_fit_is_named() -> None:
    problem = await told(unfit("missing", "body", "env", "A", 0))
    assert (problem["field"], problem["detail"]) == ("env.A.0", "env.A.0: Field required")
    assert (await told(unfit("missing", "body")))["field"] == "body"


async def test_json_that_is_too_deep_is_told_as_such() -> None:
    problem = await told(HTTPException(400, "There was an error parsing the body"))
    assert problem["detail"].startswith("the body is JSON that cannot be read: nested too deep")


async def test_broken_json_is_told_as_such() -> None:
    problem = await told(unfit("json_invalid", "body", 7, ctx={"error": "Expecting value"}))
    assert problem["detail"] == "the body is not JSON: Expecting value"


async def test_a_long_name_of_a_field_is_cut() -> None:
    problem = await told(unfit("extra_forbidden", "body", "x" * 10_000))
    assert len(problem["field"]) == DETAIL_LIMIT
    assert len(problem["detail"]) < 3 * DETAIL_LIMIT
