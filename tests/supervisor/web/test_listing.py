"""The list of sessions."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.web.listing import page
from supervisor.web.models import SessionsQuery
from workers.errors import Refused


def session(number: int, **facts: Any) -> dict[str, Any]:
    return {
        "id": f"session_{number}",
        "name": f"name-{number}",
        "branch": None,
        "agent": "shell",
        "project": "app",
        "state": "running",
        "archived": False,
        "created_at": f"2026-03-0{number}T00:00:00.000Z",
        **facts,
    }


ALL = [
    session(3, name="Fix-Login", branch="rc/fix-login-abc"),
    session(1, state="exited", project="lib"),
    session(2, archived=True),
    session(4, agent="echo", state="lost"),
]


def ids(**query: Any) -> list[str]:
    return [each["id"].removeprefix("session_") for each in page(ALL, SessionsQuery(**query))["sessions"]]


def test_all_that_are_not_archived_are_listed_by_age() -> None:
    assert ids() == ids(archived=False) == ["1", "3", "4"]
    assert ids(archived=True) == ["1", "2", "3", "4"]


def test_each_wish_narrows_the_list() -> None:
    assert ids(state="running") == ["3"]
    assert ids(state="exited,lost") == ["1", "4"]
    assert ids(project="lib") == ["1"]
    assert ids(q="LOGIN") == ["3"]
    assert ids(q="echo") == ["4"]
    assert ids(since="2026-03-03T00:00:00Z") == ["3", "4"]
    assert ids(since="2026-03-04") == ["4"]
    assert ids(since="2026-03-03T00:00:00Z", state="running", archived=True) == ["3"]


def test_pages_follow_one_another_without_gap_or_double() -> None:
    first = page(ALL, SessionsQuery(limit=2, archived=True))
    assert [each["id"] for each in first["sessions"]] == ["session_1", "session_2"]
    rest = page(ALL, SessionsQuery(limit=2, archived=True, cursor=first["next_cursor"]))
    assert [each["id"] for each in rest["sessions"]] == ["session_3", "session_4"]
    assert "next_cursor" not in rest


@pytest.mark.parametrize(
    "query", [{"state": "sleeping"}, {"since": "yesterday"}, {"cursor": "x"}, {"cursor": "~"}, {"since": "7d"}]
)
def test_what_is_no_wish_is_invalid_even_for_an_empty_list(query: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        page([], SessionsQuery(**query))
    assert caught.value.code == "invalid"
