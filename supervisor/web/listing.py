"""The list of sessions: which of them were asked for, a page at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from supervisor.web.models import SessionsQuery
from workers.core.lifecycle import State
from workers.errors import Refused

Shown = dict[str, Any]
_CURSOR = re.compile(r"([0-9T:.Z-]{20,30})~(\w[\w-]{0,80})", re.ASCII)


def page(sessions: list[Shown], query: SessionsQuery) -> Shown:
    """The answer of the route: those asked for, oldest first, and `next_cursor` when there are more.

    Without `archived=true` those that are put away are left out. Raises Refused(`invalid`).
    """
    tests = _tests(query)
    wanted = sorted((each for each in sessions if all(test(each) for test in tests)), key=_position)
    shown = wanted[: query.limit]
    more = {"next_cursor": "~".join(_position(shown[-1]))} if len(wanted) > len(shown) else {}
    return {"sessions": shown, **more}


def _tests(query: SessionsQuery) -> list[Callable[[Shown], bool]]:
    tests: list[Callable[[Shown], bool]] = []
    if query.archived is not True:
        tests.append(lambda session: not session["archived"])
    if query.state is not None:
        states = _states(query.state)
        tests.append(lambda session: session["state"] in states)
    if query.project is not None:
        tests.append(lambda session: session["project"] == query.project)
    if query.since is not None:
        since = _time(query.since)
        tests.append(lambda session: _time(session["created_at"]) >= since)
    if query.q is not None:
        text = query.q.casefold()
        tests.append(lambda session: _holds(session, text))
    if query.cursor is not None:
        after = _parse_cursor(query.cursor)
        tests.append(lambda session: _position(session) > after)
    return tests


def _states(text: str) -> set[str]:
    states = set(text.split(","))
    if not states <= set(State):
        raise Refused("invalid", f"state: {text} is none", f"use one of {', '.join(State)}", field="state")
    return states


def _holds(session: Shown, text: str) -> bool:
    fields = (session["name"], session["branch"] or "", session["agent"], session["project"])
    return any(text in field.casefold() for field in fields)


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused("invalid", "since: not a time", "write it like 2026-03-01T12:00:00.000Z", field="since") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _position(session: Shown) -> tuple[str, str]:
    return session["created_at"], session["id"]


def _parse_cursor(cursor: str) -> tuple[str, str]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise Refused("invalid", "cursor: not one of ours", "give the `next_cursor` of the last answer", field="cursor")
    return match[1], match[2]
