"""Which box is meant, and where the asker sits."""

from __future__ import annotations

import argparse
import os

import pytest

from supervisor.cli import address
from supervisor.client.address import of_state_dir
from tests.supervisor.cli.calling import environment
from workers.errors import Refused


def args(state_dir: str | None = None, box: str | None = None) -> argparse.Namespace:
    return argparse.Namespace(state_dir=state_dir, box=box)


def where(**words: str) -> str:
    return address.address(args(**words)).transport.name


def test_without_a_word_it_is_the_local_box() -> None:
    with environment(RC_STATE_DIR=None, RC_BOX=None, XDG_STATE_HOME=None, HOME="/home/ana"):
        found = address.address(args())
    assert found == of_state_dir("/home/ana/.local/state/rc")


def test_the_option_goes_before_the_environment() -> None:
    with environment(RC_STATE_DIR="/e", RC_BOX="unix:/b/rc.sock", XDG_STATE_HOME="/x"):
        assert where(state_dir="/o") == "socket /o/rc.sock"
        assert where(box="unix:/p/rc.sock") == "socket /p/rc.sock"
        assert where(box="ssh://ana@host") == "ssh://ana@host"
        assert where() == "socket /b/rc.sock"
    with environment(RC_STATE_DIR="/e", RC_BOX=None, XDG_STATE_HOME="/x"):
        assert where() == "socket /e/rc.sock"
    with environment(RC_STATE_DIR=None, RC_BOX=None, XDG_STATE_HOME="/x"):
        assert where() == "socket /x/rc/rc.sock"


def test_a_relative_xdg_path_counts_as_none_as_it_does_for_the_box() -> None:
    with environment(RC_STATE_DIR=None, RC_BOX=None, XDG_STATE_HOME="x", HOME="/home/ana"):
        assert address.address(args()).state_dir == "/home/ana/.local/state/rc"


def test_what_names_no_box_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        address.address(args(box="unix:"))
    assert refused.value.code == "invalid"


def test_a_pipe_is_no_terminal() -> None:
    read, write = os.pipe()
    try:
        assert not address.is_terminal(read)
    finally:
        os.close(read)
        os.close(write)
    assert not address.is_terminal(read)


def test_a_terminal_is_one() -> None:
    ours, theirs = os.openpty()
    try:
        assert address.is_terminal(theirs)
    finally:
        os.close(ours)
        os.close(theirs)


def test_the_environment_says_whether_we_are_inside_a_session() -> None:
    with environment(RC_SESSION_ID="session_1"):
        assert address.inside_session()
    with environment(RC_SESSION_ID=None):
        assert not address.inside_session()
