"""What people see of a session."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from supervisor.core.hold import Turn
from supervisor.sessions.endings import first_facts
from supervisor.sessions.session import Session
from supervisor.sessions.shown import describe
from tests.supervisor.sessions.livebox import spec_of
from workers.bundle import Bundle
from workers.core.lifecycle import State


def session_in(home: Path, adapter: str = "terminal") -> Session:
    spec = spec_of(home, adapter=adapter)
    return Session(spec, first_facts(spec), Bundle(str(home / spec.id)), lambda _: None)


def test_it_is_shown_as_it_is_now(tmp_path: Path) -> None:
    session = session_in(tmp_path)
    session.set_facts(state=State.RUNNING, name="fix", pid=42, last_seq=3, start=7)
    session.hub.advance(900)
    shown = describe(session, "http://box")
    assert (shown["name"], shown["state"], shown["pid"], shown["last_seq"]) == ("fix", "running", 42, 3)
    assert shown["terminal"] == {"start": 7, "offset": 900, "rows": 24, "columns": 80}
    assert shown["created_by"] == {"person": "owner", "device": None}
    assert json.loads(json.dumps(shown)) == shown


def test_what_nobody_can_reach_has_no_address(tmp_path: Path) -> None:
    session = session_in(tmp_path)
    assert describe(session, None)["url"] is None
    assert describe(session, "http://box")["url"] == f"http://box/code/{session.id}"


def test_only_a_terminal_has_a_size_and_an_end(tmp_path: Path) -> None:
    assert describe(session_in(tmp_path, "echo"), None)["terminal"] is None


def test_viewers_are_counted_while_they_look(tmp_path: Path) -> None:
    session = session_in(tmp_path)
    with session.hub.looking(), session.hub.looking():
        assert describe(session, None)["viewers"] == 2
    assert describe(session, None)["viewers"] == 0


@pytest.mark.parametrize(("turn", "unresponsive"), [(Turn.SILENCE, True), (Turn.WORD, False), (Turn.KILL, False)])
def test_a_worker_that_does_not_answer_is_shown(tmp_path: Path, turn: Turn, unresponsive: bool) -> None:
    session = session_in(tmp_path)
    session.turn(Turn.TAKEN)
    session.turn(turn)
    assert describe(session, None)["unresponsive"] is unresponsive


def test_what_has_ended_has_no_worker(tmp_path: Path) -> None:
    session = session_in(tmp_path)
    session.worker_pid = 41
    assert describe(session, None)["worker_pid"] == 41
    session.set_facts(state=State.EXITED, exit={"code": 3, "signal": None, "reason": "ended"})
    shown = describe(session, None)
    assert (shown["worker_pid"], shown["exit"]["code"]) == (None, 3)
