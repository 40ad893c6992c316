"""What the end of a stream means."""

from __future__ import annotations

from supervisor.cli.exits import exit_of
from supervisor.client.farewell import refusal_of_bye, revoked


def test_a_box_that_comes_back_is_waited_for() -> None:
    assert refusal_of_bye({"type": "bye", "reason": "supervisor_stopping", "retry": True}) is None


def test_a_session_that_is_no_more_is_told_by_its_name() -> None:
    refused = refusal_of_bye({"reason": "session_deleted", "retry": False}, "fix")
    assert refused is not None
    assert (refused.code, refused.detail) == ("unknown_session", "fix: session deleted")


def test_a_device_that_was_revoked_is_refused() -> None:
    refused = refusal_of_bye({"reason": "revoked", "retry": False}, "fix")
    assert refused is not None
    assert (exit_of(refused), refused.detail) == (4, revoked().detail)
