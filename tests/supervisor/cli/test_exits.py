"""A script learns from the exit code what became of its wish."""

from __future__ import annotations

import signal

import pytest

from supervisor.cli.exits import exit_of, exit_of_agent
from supervisor.errors import CODES
from workers.errors import Refused

EXPECTED = {
    "not_allowed": 4,
    "unauthenticated": 4,
    "unknown_session": 3,
    "not_found": 3,
    "unknown_project": 3,
    "at_capacity": 4,
    "single_session_busy": 4,
    "mode_fixed": 4,
    "not_a_repository": 4,
    "kept": 4,
    "name_taken": 4,
    "lease_held": 4,
    "not_running": 4,
    "disk_full": 4,
    "too_large": 4,
    "rate_limited": 4,
    "agent_unavailable": 78,
    "unknown_agent": 78,
    "configuration": 78,
    "invalid": 2,
    "bad_base": 2,
    "launch_failed": 1,
    "git_failed": 1,
    "internal": 1,
    "not_ready": 5,
}


@pytest.mark.parametrize(("code", "expected"), EXPECTED.items())
def test_each_refusal_has_its_exit(code: str, expected: int) -> None:
    status = CODES[code][0] if code in CODES else 500
    assert exit_of(Refused(code, "detail", "hint", status=status)) == expected


def test_codes_of_a_later_release_are_judged_by_their_status() -> None:
    assert exit_of(Refused("brand_new", "", status=409)) == 4
    assert exit_of(Refused("brand_new", "", status=404)) == 3
    assert exit_of(Refused("brand_new", "")) == 1


def test_our_own_refusals() -> None:
    assert exit_of(Refused("unreachable", "")) == 5
    assert exit_of(Refused("timeout", "")) == 124
    assert exit_of(Refused("failed", "")) == 1
    assert exit_of(Refused("invalid", "", exit=78)) == 78


@pytest.mark.parametrize(
    ("exit", "expected"),
    [
        ({"code": 0, "signal": None, "reason": "ended"}, 0),
        ({"code": 7, "signal": None, "reason": "ended"}, 7),
        ({"code": None, "signal": "KILL", "reason": "ended"}, 137),
        ({"code": None, "signal": "SIGTERM", "reason": "stopped"}, 143),
        ({"code": None, "signal": "SIGRTMIN+6", "reason": "ended"}, 128 + signal.SIGRTMIN + 6),
        ({"code": None, "signal": 9, "reason": "ended"}, 137),
        ({"code": None, "signal": None, "reason": "lost"}, 1),
        ({"code": None, "signal": "NONSENSE", "reason": "lost"}, 1),
        (None, 1),
    ],
)
def test_an_agent_gives_its_own_code_or_its_signal(exit: object, expected: int) -> None:
    assert exit_of_agent(exit) == expected
