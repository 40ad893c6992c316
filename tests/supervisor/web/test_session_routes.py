"""Routes of sessions."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.supervisor.web.boxes import Answer, ServedBox
from tests.waiting import until

ROUTE = "/v1/code/sessions"


def test_a_session_is_made_shown_listed_and_stopped(box: ServedBox) -> None:
    made = box.ask("POST", ROUTE, {"name": "first", "rows": 30, "columns": 100})
    assert made.status == 201
    session = made.json
    assert (session["state"], session["name"], session["agent"]) == ("running", "first", "shell")
    assert session["created_by"] == {"person": "owner", "device": None}
    assert (session["terminal"]["rows"], session["terminal"]["columns"]) == (30, 100)
    assert session["url"].endswith(f"/code/{session['id']}")
    assert box.session(session["id"])["name"] == "first"
    assert session["id"] in [each["id"] for each in box.ask("GET", f"{ROUTE}?q=first").json["sessions"]]
    ended = box.ask("POST", f"{ROUTE}/{session['id']}/stop").json
    assert (ended["state"], ended["exit"]["reason"]) == ("exited", "stopped")
    again = box.ask("POST", f"{ROUTE}/{session['id']}/stop", {})
    assert (again.status, again.json["exit"]) == (200, ended["exit"])


def test_a_command_of_ones_own_runs(box: ServedBox) -> None:
    session = box.new(command=["sh", "-c", "echo $GREETING; exit 3"], env={"GREETING": "hallo"})
    ended = until(lambda: (now := box.session(session["id"]))["state"] == "exited" and now)
    assert ended["exit"] == {"code": 3, "signal": None, "reason": "ended"}
    assert b"hallo" in box.ask("GET", f"{ROUTE}/{session['id']}/terminal").body


def test_what_cannot_be_started_leaves_nothing(box: ServedBox) -> None:
    answer = box.ask("POST", ROUTE, {"command": ["/nowhere/at/all"], "name": "nothing"})
    assert (answer.status, answer.code) == (502, "launch_failed")
    assert box.ask("GET", f"{ROUTE}?q=nothing&archived=true").json == {"sessions": []}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"agent": "nobody"}, "unknown_agent"),
        ({"project": "nowhere"}, "unknown_project"),
        ({"base": "no-such-ref", "spawn_mode": "worktree"}, "bad_base"),
        ({"name": "x" * 65}, "invalid"),
        ({"name": "\x1b[31m"}, "invalid"),
    ],
)
def test_a_wish_that_cannot_be_had_is_refused(box: ServedBox, fields: dict[str, Any], code: str) -> None:
    assert box.ask("POST", ROUTE, fields).code == code


def test_a_name_is_taken_until_its_session_is_archived(box: ServedBox) -> None:
    session = box.new(name="wanted")
    assert box.ask("POST", ROUTE, {"name": "wanted"}).code == "name_taken"
    path = f"{ROUTE}/{session['id']}"
    assert box.ask("POST", f"{path}/archive").code == "invalid_state"
    box.ask("POST", f"{path}/stop")
    assert box.ask("POST", f"{path}/archive").json["archived"] is True
    other = box.new(name="wanted")
    assert box.ask("PATCH", f"{ROUTE}/{other['id']}", {"name": "renamed"}).json["name"] == "renamed"
    assert session["id"] not in str(box.ask("GET", ROUTE).json)
    assert session["id"] in str(box.ask("GET", f"{ROUTE}?archived=true").json)


def test_a_session_is_suspended_and_resumed(box: ServedBox) -> None:
    session = box.new(name="pause")
    path = f"{ROUTE}/{session['id']}"
    assert box.ask("POST", f"{path}/resume").code == "invalid_state"
    assert box.ask("POST", f"{path}/suspend").json["state"] == "suspended"
    resumed = box.ask("POST", f"{path}/resume").json
    assert resumed["state"] == "running"
    assert resumed["history"] == session["history"]


def test_commands_are_numbered_and_carried_out_once(box: ServedBox) -> None:
    session = box.new(command=["cat"])
    path = f"{ROUTE}/{session['id']}/commands"
    message = {"kind": "prompt", "text": "hallo", "message_id": "6be32bc7-3ad7-4183-891a-47d92b51e697"}
    seq = box.ask("POST", path, message).json["seq"]
    assert box.ask("POST", path, message).json == {"seq": seq}
    keyed = {"idempotency-key": "a"}
    again = box.ask("POST", path, {"kind": "resize", "rows": 10, "columns": 20}, keyed).json["seq"]
    assert again > seq
    assert box.ask("POST", path, {"kind": "resize", "rows": 10, "columns": 20}, keyed).json == {"seq": again}
    assert box.ask("POST", path, {"kind": "resize", "rows": 11, "columns": 20}, keyed).code == "invalid"
    until(lambda: box.session(session["id"])["terminal"]["rows"] == 10)


@pytest.mark.parametrize(
    "command",
    [
        {},
        {"kind": "dance"},
        {"kind": "stop"},
        {"kind": "set_mode", "mode": "plan"},
        {"kind": "take_lease"},
        {"kind": "prompt"},
        {"kind": "prompt", "text": 1},
        {"kind": "prompt", "text": "a", "to": "b"},
        {"kind": "resize", "rows": 0, "columns": 1},
        {"kind": "signal", "name": "NONSENSE"},
        {"kind": "cancel_message", "message_id": "x"},
    ],
)
def test_a_command_that_does_not_fit_is_invalid(box: ServedBox, command: dict[str, Any]) -> None:
    sessions = box.ask("GET", f"{ROUTE}?q=cmd").json["sessions"]
    session = sessions[0] if sessions else box.new(name="cmd")
    assert box.ask("POST", f"{ROUTE}/{session['id']}/commands", command).code == "invalid"


def test_an_ended_session_takes_no_commands(box: ServedBox) -> None:
    session = box.new()
    box.ask("POST", f"{ROUTE}/{session['id']}/stop")
    answer = box.ask("POST", f"{ROUTE}/{session['id']}/commands", {"kind": "prompt", "text": "x"})
    assert answer.code == "not_running"


def test_a_repeat_makes_no_second_session(box: ServedBox) -> None:
    answers: list[Answer] = []
    body = {"name": "once", "prompt": "true"}

    def make() -> None:
        answers.append(box.ask("POST", ROUTE, body, {"idempotency-key": "once-1"}))

    asking = [threading.Thread(target=make) for _ in range(4)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert len(box.ask("GET", f"{ROUTE}?q=once").json["sessions"]) == 1
    assert box.ask("POST", ROUTE, {"name": "twice"}, {"idempotency-key": "once-1"}).code == "invalid"


def test_a_ticket_for_a_program_is_given(box: ServedBox) -> None:
    session = box.new()
    answer = box.ask("POST", f"{ROUTE}/{session['id']}/exec", {"command": ["true"]})
    assert len(answer.json["ticket"]) > 30
    assert box.ask("POST", f"{ROUTE}/{session['id']}/exec", {"command": []}).code == "invalid"


def test_verbs_take_no_fields(box: ServedBox) -> None:
    session = box.new()
    assert box.ask("POST", f"{ROUTE}/{session['id']}/stop", {"grace": 1}).code == "invalid"
    assert box.session(session["id"])["state"] == "running"
