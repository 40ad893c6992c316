"""Who asks, for the routes."""

from __future__ import annotations

from starlette.requests import Request

from supervisor.core.access import Principal


def principal(request: Request) -> Principal:
    """Who asks, as settled when the connection was accepted."""
    who = request.state.principal
    assert isinstance(who, Principal)
    return who
