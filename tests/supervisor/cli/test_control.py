"""Ending and renewing the supervisor; that it happens is shown in the flows."""

from __future__ import annotations

import pytest

from supervisor.cli.control import kept_words
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.cli.oddbox import OddBox


def test_a_box_that_is_named_by_its_socket_is_not_ours_to_start(rc: Rc) -> None:
    assert rc("restart").code == 2


def test_whoever_may_not_end_it_is_told(odd: OddBox, odd_rc: Rc) -> None:
    odd.refuse("POST", "/v1/shutdown", 403, "not_allowed", "inside a session")
    called = odd_rc("shutdown", "--sessions")
    assert (called.code, called.err) == (4, "rc: inside a session; h\n")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ([], []),
        (["rc", "ls"], []),
        (["python", "-m", "supervisor", "serve"], []),
        (["rc", "serve", "--config", "f", "--verbose", "--log-json"], ["--config=f", "--verbose", "--log-json"]),
        (["rc", "serve", "--spawn", "worktree", "--capacity", "3", "-d", "--", "p"], []),
        (["rc", "serve", "--of-another-release"], []),
    ],
)
def test_only_what_nobody_remembers_is_said_again(command: list[str], words: list[str]) -> None:
    assert kept_words(command) == words
