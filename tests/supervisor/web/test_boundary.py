"""What may leave a connection, and what may not."""

from __future__ import annotations

import pytest
import trio
from structlog.testing import capture_logs

from supervisor.web.boundary import one_connection
from workers.errors import Broken


def test_a_bug_is_logged_and_goes_no_further() -> None:
    with capture_logs() as lines, one_connection(path="/x") as outcome:
        raise AssertionError("broken")
    assert outcome.failed
    assert [(line["event"], line["log_level"], line["path"]) for line in lines] == [
        ("connection_failed", "error", "/x")
    ]


@pytest.mark.parametrize("gone", [Broken(""), trio.BrokenResourceError(), ExceptionGroup("", [Broken("")])])
def test_a_peer_that_left_is_no_failure(gone: Exception) -> None:
    with capture_logs() as lines, one_connection() as outcome:
        raise gone
    assert not outcome.failed
    assert [line["log_level"] for line in lines] == ["debug"]


def test_a_bug_beside_a_peer_that_left_is_still_a_bug() -> None:
    with capture_logs(), one_connection() as outcome:
        raise ExceptionGroup("", [Broken(""), KeyError("x")])
    assert outcome.failed


async def test_cancellation_passes_through() -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        with one_connection() as outcome:
            await trio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert not outcome.failed


def test_nothing_happens_when_nothing_happens() -> None:
    with one_connection() as outcome:
        pass
    assert not outcome.failed
