"""Sessions in words."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.cli import describe

SESSION: dict[str, Any] = {
    "id": "session_1",
    "name": "fix",
    "state": "running",
    "agent": "shell",
    "project": "app",
    "spawn_mode": "worktree",
    "url": None,
    "workspace": "/w",
    "branch": "rc/fix-abc234",
    "base_commit": "0123456789abcdef",
    "base_ref": "main",
    "created_at": "2026-01-01T00:00:00.000Z",
    "created_by": {"person": "owner", "device": None},
    "last_seq": 3,
    "terminal": {"start": 1024, "offset": 3072, "rows": 24, "columns": 80},
    "turn": None,
    "exit": None,
    "archived": False,
    "unresponsive": False,
    "viewers": 0,
    "pid": 7,
    "worker_pid": 6,
}


@pytest.mark.parametrize(
    ("exit", "words"),
    [
        (None, ""),
        ({"code": 3, "signal": None, "reason": "ended"}, "exit 3"),
        ({"code": None, "signal": "KILL", "reason": "ended"}, "SIGKILL"),
        ({"code": None, "signal": "SIGKILL", "reason": "killed"}, "SIGKILL, killed after it was asked to stop"),
        ({"code": None, "signal": 9, "reason": "ended"}, "signal 9"),
        ({"code": None, "signal": None, "reason": "lost"}, "lost: its worker is gone without a word"),
        ({"code": None, "signal": None, "reason": "ended"}, "ended"),
        ({"code": 0, "signal": None, "reason": "something_new"}, "exit 0, something_new"),
    ],
)
def test_how_an_agent_ended(exit: dict[str, Any] | None, words: str) -> None:
    assert describe.ending(exit) == words


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "running"),
        ({"turn": "idle"}, "running"),
        ({"turn": "waiting_for_approval"}, "running (waiting for approval)"),
        ({"unresponsive": True}, "running (unresponsive)"),
        ({"state": "exited", "exit": {"code": 1}, "archived": True}, "exited (exit 1, archived)"),
        ({"state": "suspended", "exit": {"reason": "suspended"}}, "suspended"),
    ],
)
def test_the_state_in_words(facts: dict[str, Any], words: str) -> None:
    assert describe.state({**SESSION, **facts}) == words


def test_in_full_nothing_is_left_out_that_is_something() -> None:
    text = describe.in_full(SESSION)
    assert "base:          0123456789ab (main)\n" in text
    assert "terminal:      24 rows, 80 columns\n" in text
    assert "output kept:   2.0 KiB, from 1.0 KiB on\n" in text
    assert "url:" not in text
    assert "ended:" not in text


def test_a_conversation_has_no_terminal_to_describe() -> None:
    text = describe.in_full({**SESSION, "terminal": None, "base_commit": None})
    assert "terminal:" not in text
    assert "output kept:" not in text
    assert "base:" not in text


def test_a_name_cannot_make_lines_of_its_own() -> None:
    assert "name:          a\\nstate: fine\n" in describe.in_full({**SESSION, "name": "a\nstate: fine"})


def test_a_row_has_what_the_heads_promise() -> None:
    assert len(describe.row(SESSION)) == len(describe.HEADS)
    assert describe.row({**SESSION, "branch": None})[4] is None
    assert describe.short(SESSION) == "fix  running  session_1"
