"""What the trash knows of a session, and for how long."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from supervisor.core.trashed import KEEP_SECONDS, Trashed

DAY = 24 * 3600
ENTRY = Trashed(
    "session_1", "fix", "worktree", "/trees/fix", "/project", 10**18, branch="rc/fix", archived_ref="refs/x"
)


def test_it_is_the_same_after_a_restart() -> None:
    assert Trashed.from_json(json.loads(ENTRY.to_json())) == ENTRY


@pytest.mark.parametrize("wrong", [{}, {"version": 2}, {"version": 1}, {"version": 1, "more": 1}])
def test_what_is_of_another_kind_is_not_read(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Trashed.from_json(wrong)


def test_it_is_older_from_that_instant_on() -> None:
    later = ENTRY.deleted_ns + 30 * DAY * 10**9
    assert ENTRY.is_older(30 * DAY, later)
    assert not ENTRY.is_older(30 * DAY, later - 1)
    assert ENTRY.is_older(0, ENTRY.deleted_ns)


def test_people_see_until_when_it_can_be_restored() -> None:
    row = ENTRY.describe("/trash/session_1")
    assert (row["id"], row["name"], row["trash"]) == ("session_1", "fix", "/trash/session_1")
    assert row["deleted_at"] == "2001-09-09T01:46:40.000Z"
    assert row["restorable_until"] == "2001-10-09T01:46:40.000Z"
    assert KEEP_SECONDS == 30 * DAY


def test_the_answer_of_a_deletion_is_empty_where_only_the_record_went() -> None:
    until = "2001-10-09T01:46:40.000Z"
    whole = {"archived_ref": "refs/x", "trash": "/trash/session_1", "restorable_until": until}
    assert ENTRY.answer("/trash/session_1") == whole
    nothing = {"archived_ref": None, "trash": None, "restorable_until": None}
    assert replace(ENTRY, branch=None).answer("/trash/session_1") == nothing
