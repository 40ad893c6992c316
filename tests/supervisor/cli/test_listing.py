"""Verbs that show sessions, at a real box."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from supervisor.cli.listing import since
from tests.supervisor.cli.calling import environment
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.cli.oddbox import OddBox
from tests.supervisor.cli.stage import terminal
from tests.supervisor.web.boxes import ServedBox
from workers.errors import Refused


def test_ls_prints_the_answer_of_the_route(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    listed = rc("ls", "--json").json
    assert made["id"] in [session["id"] for session in listed["sessions"]]
    assert listed["sessions"] == box.ask("GET", "/v1/code/sessions").json["sessions"]


def test_ls_has_a_line_for_each_session(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    lines = rc("ls").out.splitlines()
    assert lines[0].split() == ["NAME", "STATE", "AGENT", "PROJECT", "BRANCH", "BY", "AGE", "ID"]
    assert [line for line in lines if made["name"] in line and made["id"] in line and "running" in line]


def test_ls_leaves_out_what_is_put_away_unless_asked(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    rc("stop", made["id"])
    rc("archive", made["id"])
    assert made["id"] not in rc("ls", "--json").out
    assert made["id"] in rc("ls", "-a", "--json").out


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--agent", "echo"), True),
        (("--agent", "shell"), False),
        (("--state", "running"), True),
        (("--state", "lost"), False),
        (("--project", "app"), True),
        (("--search", "needle"), True),
        (("--search", "hay"), False),
        (("--since", "1h"), True),
        (("--since", "2999-01-01"), False),
        (("--mine",), True),
    ],
)
def test_ls_filters(box: ServedBox, rc: Rc, words: tuple[str, ...], found: bool) -> None:
    made = box.new(agent="echo", name=f"needle {words[0].strip('-')} {found}")
    assert (made["id"] in rc("ls", "--json", *words).out) is found


def test_a_project_may_be_named_by_its_path(box: ServedBox, rc: Rc) -> None:
    assert rc("ls", "--project", str(box.project)).code == 0
    called = rc("ls", "--project", "no-such")
    assert (called.code, called.err.startswith("rc: ")) == (3, True)


def test_nothing_found_is_told_beside_the_answer(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", "/v1/code/sessions", {"sessions": []})
    called = odd_rc("ls")
    assert (called.code, called.out, called.err) == (0, "", "rc: no sessions; rc new starts one\n")


def test_mine_are_those_that_i_have_made(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", "/v1/box", {"you": {"person": "ana"}})
    sessions = [{"id": "1", "created_by": {"person": "ana"}}, {"id": "2", "created_by": {"person": "ben"}}]
    odd.answer("GET", "/v1/code/sessions", {"sessions": sessions})
    assert odd_rc("ls", "--mine", "--json").json == {"sessions": sessions[:1]}


def test_since_is_a_time_ago_or_a_date() -> None:
    ago = datetime.fromisoformat(since("2h"))
    assert abs(datetime.now(UTC) - timedelta(hours=2) - ago) < timedelta(seconds=5)
    assert since("2026-03-01T12:00:00+02:00") == "2026-03-01T10:00:00.000Z"
    with pytest.raises(Refused, match="is no time"):
        since("yesterday")


def test_show_tells_all_and_takes_several(box: ServedBox, rc: Rc) -> None:
    one, two = box.new(agent="echo"), box.new()
    assert rc("show", one["name"], "--json").json["id"] == one["id"]
    several = rc("show", one["id"], two["name"], "--json").json["results"]
    assert [session["id"] for session in several] == [one["id"], two["id"]]
    assert f"id:            {two['id']}\n" in rc("show", two["name"]).out


def test_path_is_where_a_session_works(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    assert rc("path", made["name"]).out == f"{box.project}\n"
    assert rc("path", made["name"], "--json").json == {"path": str(box.project)}


def test_a_session_that_is_not_there_is_exit_3(rc: Rc) -> None:
    called = rc("show", "nobody")
    assert (called.code, called.err) == (3, "rc: there is no session nobody; rc ls -a shows those that there are\n")
    assert rc("show", "session_00000000-0000-4000-8000-000000000000").code == 3


def test_session_tells_where_it_is_from_inside(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    with environment(RC_SESSION_ID=made["id"]):
        assert rc("session").out == f"{made['url']}\n"
        assert rc("session", "--json").json["id"] == made["id"]


def test_on_a_terminal_session_shows_a_qr_of_what_others_can_open_or_says_why_not(odd: OddBox, odd_rc: Rc) -> None:
    session = {"url": "https://box.example/code/session_1", "name": "n"}
    odd.answer("GET", "/v1/code/sessions/session_1", session)
    with environment(RC_SESSION_ID="session_1"), terminal(40, 100):
        assert "\u2580\u2580\u2580\u2580\u2580" in odd_rc("session").out
        odd.answer("GET", "/v1/code/sessions/session_1", {**session, "url": "http://127.0.0.1:7420/code/session_1"})
        called = odd_rc("session")
    assert called.out == "http://127.0.0.1:7420/code/session_1\n"
    assert "no QR" in called.err and "--public-url" in called.err


def test_session_outside_says_how_to_start_one(rc: Rc) -> None:
    with environment(RC_SESSION_ID=None):
        called = rc("session")
    assert called.code == 3
    assert "rc new" in called.err


def test_a_session_without_an_address_is_told_by_its_name(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", "/v1/code/sessions/session_1", {"url": None, "name": "n"})
    with environment(RC_SESSION_ID="session_1"):
        assert odd_rc("session").out == "rc attach n\n"


def test_a_list_that_was_narrowed_to_nothing_says_so(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", "/v1/code/sessions", {"sessions": []})
    assert odd_rc("ls", "--agent", "nobody").err == "rc: no session is like that; rc ls -a shows all\n"
