"""What the status screen shows, as lines of text."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from rich.cells import cell_len
from rich.console import Console

from supervisor.core.boxview import BoxView
from supervisor.statusdrawing import draw

NOW = datetime(2026, 1, 1, 0, 5, tzinfo=UTC)


def session(name: str, **more: object) -> dict[str, Any]:
    return {
        "id": f"session_{name}",
        "name": name,
        "state": "running",
        "branch": f"rc/{name}-abcdef",
        "spawn_mode": "worktree",
        "created_at": "2026-01-01T00:00:00.000Z",
        "created_by": {"person": "owner", "device": None},
        "turn": None,
        "doing": None,
        "archived": False,
        **more,
    }


def screen(
    sessions: list[dict[str, Any]],
    page: str = "sessions",
    height: int = 24,
    width: int = 110,
    notes: tuple[str, ...] = (),
    notices: tuple[str, ...] = (),
) -> list[str]:
    view = BoxView()
    box = {
        "name": "vm",
        "urls": ["http://127.0.0.1:7420"],
        "spawn_mode": "worktree",
        "used": len(sessions),
        "capacity": 32,
        "projects": [{"id": "app"}, {"id": "web"}],
        "notices": list(notices),
    }
    view.apply({"type": "hello", "box": box, "sessions": sessions})
    view.notes.extend(notes)
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    console.print(draw(view, page, height, width, NOW))
    text = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO from above
    assert isinstance(text, str)
    return [line.rstrip() for line in text.splitlines()]


def test_the_box_is_named_with_mode_and_capacity() -> None:
    lines = screen([session("fix-login")])
    assert lines[0] == "vm  http://127.0.0.1:7420"
    assert lines[1] == "Mode: worktree   Capacity: 1/32   Projects: app, web"
    assert lines[-1] == "space pair   a attach   w mode   ? help   q leave"


def test_a_session_shows_state_branch_who_since_when_and_what_it_does() -> None:
    lines = screen([session("fix-login", turn="running", doing="Run the tests")])
    assert lines[3].split() == ["NAME", "STATE", "BRANCH", "WHO", "SINCE", "DOING"]
    assert lines[4].split() == [
        "fix-login",
        "running",
        "(running)",
        "rc/fix-login-abcdef",
        "owner",
        "5m",
        "Run",
        "the",
        "tests",
    ]


def test_columns_are_as_wide_as_what_is_in_them() -> None:
    lines = screen([session("a"), session("日本語", branch="rc/x")], width=80)
    assert lines[3:6] == [
        "NAME    STATE    BRANCH       WHO    SINCE  DOING",
        "a       running  rc/a-abcdef  owner  5m",
        "日本語  running  rc/x         owner  5m",
    ]


def test_on_a_narrow_screen_names_are_cut_and_the_short_columns_stay() -> None:
    name = "日本語のセッションの名前が長い"
    lines = screen([session(name, doing="Run the tests")], width=60)
    assert all(cell_len(line) <= 60 for line in lines)
    assert lines[3].split() == ["NAME", "STATE", "BRANCH", "WHO", "SINCE", "DOING"]
    assert lines[4].startswith("日本") and lines[4].split()[-5:] == ["owner", "5m", "Run", "the", "tes…"]
    narrow = screen([session(name)], width=40, height=10)
    assert all(cell_len(line) <= 40 for line in narrow)
    assert narrow[3].split() == ["NAME", "STATE", "BRANCH", "DOING"]
    assert " running " in narrow[4]


def test_one_that_waits_for_an_answer_says_so() -> None:
    lines = screen([session("a", turn="waiting_for_approval", branch=None, created_by=None)])
    assert "waits for an answer" in lines[4]
    assert "  -  " in lines[4] and "worktree" not in lines[4]


def test_what_people_should_know_of_the_box_is_told() -> None:
    lines = screen([session("a")], notices=("the disk is nearly full\x1b",), notes=("a log line",))
    assert lines[-3:-1] == ["the disk is nearly full\\x1b", "a log line"]
    many = screen([session(f"s{n:02}") for n in range(40)], height=20, notices=tuple(f"notice {n}" for n in range(9)))
    assert many[-4:-1] == ["notice 0", "notice 1", "… and 7 more: rc status"]
    assert len(many) <= 20


def test_what_does_not_fit_is_counted() -> None:
    lines = screen([session(f"s{number:02}") for number in range(40)], height=20)
    assert len(lines) <= 20
    assert sum("rc/s" in line for line in lines) + int(lines[-3].split()[2]) == 40


def test_what_others_wrote_is_neither_obeyed_nor_taken_for_markup() -> None:
    lines = screen([session("a", doing="[link=x]\x1b[2J\u202e")], notes=("log \x1b]0;title\x07",))
    assert "[link=x]\\x1b[2J\\u202e" in lines[4]
    assert "log \\x1b]0;title\\x07" in lines
    assert all(line.isprintable() for line in lines)


def test_a_page_tells_how_to_attach() -> None:
    lines = screen(
        [session("fix-login"), session("it's"), session("-x"), session("old", state="exited")], page="attach"
    )
    assert "  rc attach fix-login" in lines
    assert """  rc attach 'it'"'"'s'""" in lines
    assert "  rc attach -- -x" in lines
    assert not any("old" in line for line in lines)


def test_nothing_is_no_error() -> None:
    assert "No sessions. rc new starts one." in screen([])
    assert any("no session is running" in line for line in screen([], page="attach"))


def test_help_names_every_key() -> None:
    text = "\n".join(screen([], page="help"))
    assert all(key in text for key in ("space", "w ", "?", "q, Ctrl-C"))
