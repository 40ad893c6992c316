"""`rc wait`."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.cli.waiting import verdict
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.cli.oddbox import OddBox
from tests.supervisor.web.boxes import ServedBox
from workers.errors import Refused

ONE = "session_0b9c1111-1111-4111-8111-111111111111"
IDLE: dict[str, Any] = {"state": "running", "turn": "idle", "open_approvals": 0}
BUSY = {**IDLE, "turn": "running"}
ASKING = {**IDLE, "turn": "waiting_for_approval", "open_approvals": 1}
STARTING = {**IDLE, "state": "starting", "turn": None}
ENDED = {**IDLE, "state": "exited", "turn": None}
SUSPENDED = {**IDLE, "state": "suspended", "turn": None}


@pytest.mark.parametrize(
    ("sessions", "wish", "code"),
    [
        ([IDLE], "idle", 0),
        ([IDLE, BUSY], "idle", None),
        ([IDLE, ENDED], "idle", 0),
        ([STARTING], "idle", None),
        ([IDLE, ASKING], "idle", 10),
        ([ENDED], "exit", 0),
        ([SUSPENDED, ENDED], "exit", 0),
        ([ENDED, IDLE], "exit", None),
        ([ENDED, ASKING], "exit", 10),
        ([IDLE, BUSY], "approval", None),
        ([IDLE, ASKING], "approval", 0),
    ],
)
def test_when_the_waiting_is_over(sessions: list[dict[str, Any]], wish: str, code: int | None) -> None:
    assert verdict(sessions, wish) == code


def test_nobody_asks_any_more_when_all_have_ended() -> None:
    with pytest.raises(Refused, match="all of them have ended"):
        verdict([ENDED, SUSPENDED], "approval")


def test_it_waits_until_the_turn_ends(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo", prompt="wait 0.3")
    assert rc("wait", made["name"], "--until", "idle", "--json").json["turn"] == "idle"


def test_it_waits_until_all_have_ended(box: ServedBox, rc: Rc) -> None:
    one, two = box.new(command=["sleep", "0.3"]), box.new(command=["true"])
    ended = rc("wait", one["name"], two["name"], "--until", "exit", "--json").json["results"]
    assert [session["state"] for session in ended] == ["exited", "exited"]
    assert rc("wait", one["name"], "--until", "exit").out.startswith(f"{one['name']}  exited (exit 0)")


def test_a_terminal_is_never_idle(box: ServedBox, rc: Rc) -> None:
    made = box.new(command=["cat"])
    called = rc("wait", made["name"], "--until", "idle", "--json")
    assert (called.code, called.problem["code"]) == (2, "invalid")


def test_it_gives_up_in_time(box: ServedBox, rc: Rc) -> None:
    made = box.new(command=["cat"])
    called = rc("wait", made["name"], "--until", "exit", "--timeout", "0.1")
    assert (called.code, called.err) == (124, "rc: it took longer than --timeout; rc ls shows how it stands\n")


def test_without_a_session_it_waits_for_all_of_mine(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo", prompt="wait 0.2")
    box.new(command=["cat"])
    called = rc("wait", "--until", "idle", "--json")
    waited = called.json["results"]
    assert "left out: nobody can tell whether one is idle" in called.err
    assert made["id"] in [session["id"] for session in waited]
    assert all(session["turn"] == "idle" for session in waited)


def test_with_nothing_to_wait_for_it_returns(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", "/v1/box", {"you": {"person": "ana"}})
    odd.answer("GET", "/v1/code/sessions", {"sessions": [{"created_by": {"person": "ben"}, **BUSY}]})
    assert odd_rc("wait", "--until", "idle", "--json").json == {"results": []}


def test_where_only_terminals_run_nobody_can_tell_whether_they_are_idle(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", "/v1/box", {"you": {"person": "ana"}})
    shell = {"id": ONE, "name": "shell-1", "created_by": {"person": "ana"}, **BUSY, "terminal": {"offset": 0}}
    odd.answer("GET", "/v1/code/sessions", {"sessions": [shell]})
    called = odd_rc("wait")
    assert called.code == 2 and "wait for their end with --until exit" in called.err


def test_a_session_that_is_deleted_meanwhile_is_told(odd: OddBox, odd_rc: Rc) -> None:
    session = {"id": ONE, "name": "fix", "terminal": None, **BUSY}
    odd.answer("GET", f"/v1/code/sessions/{ONE}", session)
    gone = {"type": "session_gone", "id": ONE}
    odd.events("/v1/stream", {"type": "hello", "sessions": [session]}, gone)
    called = odd_rc("wait", ONE, "--until", "idle")
    assert (called.code, "has been deleted meanwhile" in called.err) == (3, True)


def test_without_a_word_it_waits_for_idle(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo", prompt="wait 0.3")
    assert rc("wait", made["name"], "--json").json["turn"] == "idle"


def test_what_nobody_can_wait_for_is_refused(rc: Rc) -> None:
    assert rc("wait", "x", "--until", "later").code == 2
    assert rc("wait", "x", "--until", "exit", "--timeout", "long").code == 2
