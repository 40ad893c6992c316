"""A follower of the box's stream knows the box as it is now."""

from __future__ import annotations

from typing import Any

from supervisor.core.boxview import NOTES_KEPT, BoxView


def session(
    id: str, state: str = "running", created_at: str = "2026-01-01T00:00:00.000Z", **more: object
) -> dict[str, Any]:
    return {"id": id, "state": state, "created_at": created_at, "archived": False, **more}


def told(*messages: dict[str, Any]) -> BoxView:
    view = BoxView()
    for message in messages:
        view.apply(message)
    return view


def test_hello_replaces_everything() -> None:
    view = told(
        {"type": "session", "session": session("old")},
        {"type": "hello", "box": {"name": "vm"}, "sessions": [session("new")], "approvals": []},
    )
    assert view.box == {"name": "vm"}
    assert list(view.sessions) == ["new"]


def test_each_message_replaces_one_whole_object() -> None:
    view = told(
        {"type": "session", "session": session("a")},
        {"type": "session", "session": session("a", "exited")},
        {"type": "session", "session": session("b")},
        {"type": "session_gone", "id": "b"},
        {"type": "session_gone", "id": "never seen"},
        {"type": "box", "box": {"capacity": 4}},
        {"type": "approval", "approval": {}},
    )
    assert {id: one["state"] for id, one in view.sessions.items()} == {"a": "exited"}
    assert view.box == {"capacity": 4}


def test_the_last_notices_are_kept() -> None:
    view = told(*({"type": "notice", "level": "info", "text": str(n)} for n in range(NOTES_KEPT + 2)))
    assert list(view.notes) == [str(n) for n in range(2, NOTES_KEPT + 2)]


def test_those_that_live_come_first_and_archived_ones_not_at_all() -> None:
    view = told(
        {"type": "session", "session": session("ended", "exited", "2026-01-01T00:00:00.000Z")},
        {"type": "session", "session": session("young", "running", "2026-01-03T00:00:00.000Z")},
        {"type": "session", "session": session("old", "starting", "2026-01-02T00:00:00.000Z")},
        {"type": "session", "session": session("away", "exited", archived=True)},
    )
    assert [one["id"] for one in view.shown] == ["old", "young", "ended"]
    assert [one["id"] for one in view.running] == ["young"]


def test_the_switch_goes_to_and_fro() -> None:
    assert told({"type": "box", "box": {"spawn_mode": "same-dir"}}).other_mode == "worktree"
    assert told({"type": "box", "box": {"spawn_mode": "worktree"}}).other_mode == "same-dir"
