"""`rc attach`: what is around the view of a session."""

from __future__ import annotations

import argparse
import json
import signal

import pytest

from supervisor.cli import attaching
from supervisor.cli.following import DETACHED, ENDED, SIGNALLED, Outcome
from tests.supervisor.cli.conftest import Rc
from workers.errors import Refused

EXIT = {"sessionUpdate": "_rc/process", "state": "exited", "code": 3, "signal": None, "reason": "ended"}
SESSION = {"id": "session_1", "name": "fix"}


def test_what_may_reach_the_terminal_is_named() -> None:
    assert attaching.allowed(argparse.Namespace(allow="clipboard,file-transfer")) == {"clipboard", "file-transfer"}
    assert attaching.allowed(argparse.Namespace(allow="")) == frozenset()
    with pytest.raises(Refused, match="knows no everything"):
        attaching.allowed(argparse.Namespace(allow="clipboard,everything"))


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome(DETACHED), 0),
        (Outcome(ENDED, EXIT, "exited"), 3),
        (Outcome(ENDED, {"code": None, "signal": "TERM"}, "exited"), 143),
        (Outcome(ENDED, None, "lost"), 1),
        (Outcome(SIGNALLED, signal=signal.SIGHUP), 129),
    ],
)
def test_the_exit_is_the_agents_own(outcome: Outcome, code: int) -> None:
    assert attaching.exit_code(outcome) == code


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome(DETACHED), "rc: detached; rc attach fix comes back\n"),
        (Outcome(ENDED, EXIT, "exited"), "rc: fix exited: exit 3\n"),
        (
            Outcome(ENDED, {"reason": "suspended"}, "suspended"),
            "rc: fix suspended: suspended; rc resume fix goes on\n",
        ),
        (Outcome(SIGNALLED, signal=15), ""),
    ],
)
def test_how_it_ended_is_said(outcome: Outcome, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    attaching.tell(SESSION, outcome, as_json=False)
    assert capsys.readouterr().err == words


def test_with_json_it_is_a_value(capsys: pytest.CaptureFixture[str]) -> None:
    attaching.tell(SESSION, Outcome(ENDED, EXIT, "exited"), as_json=True)
    exit = {"code": 3, "signal": None, "reason": "ended"}
    told = {"session": "session_1", "how": "ended", "state": "exited", "exit": exit}
    assert json.loads(capsys.readouterr().out) == told
    attaching.tell(SESSION, Outcome(DETACHED), as_json=True)
    assert json.loads(capsys.readouterr().out)["exit"] is None


def test_a_session_that_is_not_there_is_exit_3(rc: Rc) -> None:
    assert rc("attach", "nobody").code == 3
    assert rc("attach", "nobody", "--allow", "everything").code == 2
