"""Codes, statuses and problem objects."""

from __future__ import annotations

import pytest

from supervisor.errors import CODES, INTERNAL, problem, status_of
from workers.errors import Refused


def test_a_refusal_becomes_a_problem_with_its_fields_at_the_top() -> None:
    refused = Refused("at_capacity", "all 2 slots are taken", "rc stop S", used=2, limit=2, sessions=["a"])
    assert problem(refused) == {
        "type": "urn:rc:problem:at_capacity",
        "title": "All slots are taken",
        "status": 409,
        "code": "at_capacity",
        "detail": "all 2 slots are taken",
        "hint": "rc stop S",
        "used": 2,
        "limit": 2,
        "sessions": ["a"],
    }


def test_a_field_never_hides_the_code() -> None:
    assert problem(Refused("kept", "changed files", "", status=200, type="x"))["status"] == 409


def test_an_unknown_code_is_a_bug() -> None:
    with pytest.raises(KeyError):
        status_of("nonsense")


def test_every_code_has_a_status_of_an_error_and_a_title() -> None:
    for code, (status, title) in CODES.items():
        assert 400 <= status < 600 and title, code


def test_a_bug_tells_no_details() -> None:
    assert problem(INTERNAL)["status"] == 500
