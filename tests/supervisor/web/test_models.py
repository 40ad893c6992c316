"""What requests may hold."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from supervisor.web.models import (
    Acceptance,
    BoxChange,
    Claim,
    EventsQuery,
    Execution,
    NewProject,
    NewSession,
    Pruning,
    SessionsQuery,
    TerminalQuery,
)


def test_nothing_is_needed_for_a_session() -> None:
    wish = NewSession.model_validate({})
    assert (wish.rows, wish.columns, wish.env, wish.command) == (24, 80, {}, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": None, "agent": None, "command": None},
        {"name": "ü", "prompt": "a\nb", "base": "origin/main", "project": "/a b"},
        {"command": ["sh", "-c", ""], "env": {"A": "", "B_1": "x=y"}, "rows": 1, "columns": 1000},
        {"spawn_mode": "worktree"},
    ],
)
def test_a_wish_that_fits(fields: dict[str, Any]) -> None:
    NewSession.model_validate(fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "session_a"},
        {"made_by": "serve"},
        {"command": "sh"},
        {"command": ("sh",)},
        {"command": [1]},
        {"command": ["a\0"]},
        {"env": {"": "x"}},
        {"env": {"A\0": "x"}},
        {"env": {"A": "x\0"}},
        {"env": []},
        {"rows": "24"},
        {"rows": 1001},
        {"prompt": "x" * (256 * 1024 + 1)},
        {"prompt": "a\0b"},
        {"project": "x" * 4097},
        {"spawn_mode": "Worktree"},
    ],
)
def test_a_wish_that_does_not_fit(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NewSession.model_validate(fields)


def test_a_capacity_is_a_number_of_slots() -> None:
    assert BoxChange.model_validate({"capacity": 1024}).capacity == 1024
    for capacity in (0, 1025, 1.0, True, "1"):
        with pytest.raises(ValidationError):
            BoxChange.model_validate({"capacity": capacity})


def test_a_query_is_text() -> None:
    assert SessionsQuery.model_validate({"limit": "5", "archived": "true"}).limit == 5
    assert EventsQuery.model_validate({"after": "0"}).after == 0
    assert TerminalQuery.model_validate({"from": "7"}).start == 7
    for query in ({"start": "7"}, {"from": "-1"}, {"from": str(1 << 63)}):
        with pytest.raises(ValidationError):
            TerminalQuery.model_validate(query)


def test_a_span_of_time_has_a_unit_or_counts_seconds() -> None:
    spans = {"30d": 2592000, "12h": 43200, "90m": 5400, "45s": 45, "2w": 1209600, "7": 7, 0: 0, 3600: 3600}
    for older, seconds in spans.items():
        assert Pruning.model_validate({"older": older}).seconds == seconds
    for wrong in ("", "d", "-1d", "1y", "1.5d", -1, 1.5, None, True):
        with pytest.raises(ValidationError):
            Pruning.model_validate({"older": wrong})


def test_a_project_has_an_absolute_path_and_a_program_has_words() -> None:
    NewProject.model_validate({"path": "/"})
    for path in ("", "a", "~", "/a\0b", None):
        with pytest.raises(ValidationError):
            NewProject.model_validate({"path": path})
    for command in ([], [""], ["", "a"]):
        with pytest.raises(ValidationError):
            Execution.model_validate({"command": command})
    Execution.model_validate({"command": ["echo", ""]})


def test_what_opens_or_ends_a_pairing_is_not_shown_by_accident() -> None:
    secrets = {"code": "7K3Q-2XWM", "secret": "S" * 43}
    shown = repr([Claim(**secrets, commit="A" * 43), Acceptance(number="493 201")])
    assert not any(secret in shown for secret in (*secrets.values(), "493"))
