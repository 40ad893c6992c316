"""Who asks."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from supervisor.core.access import OWNER
from supervisor.web.asking import principal


def test_whoever_was_settled_at_accept_asks() -> None:
    assert principal(Request({"type": "http", "state": {"principal": OWNER}})) == OWNER


def test_a_request_of_nobody_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        principal(Request({"type": "http", "state": {"principal": "owner"}}))
