"""Which box is meant, and how its socket is reached."""

from __future__ import annotations

import argparse
import os
import socket
from pathlib import Path

import pytest

from supervisor.cli import address
from tests.supervisor.cli.calling import environment
from workers.errors import Refused


def args(state_dir: str | None = None, box: str | None = None) -> argparse.Namespace:
    return argparse.Namespace(state_dir=state_dir, box=box)


def test_without_a_word_it_is_the_local_box() -> None:
    with environment(RC_STATE_DIR=None, RC_BOX=None, XDG_STATE_HOME=None, HOME="/home/ana"):
        found = address.address(args())
    assert found == address.Address("/home/ana/.local/state/rc/rc.sock", "/home/ana/.local/state/rc")


def test_the_option_goes_before_the_environment() -> None:
    with environment(RC_STATE_DIR="/e", RC_BOX="unix:/b/rc.sock", XDG_STATE_HOME="/x"):
        assert address.address(args(state_dir="/o")).socket == "/o/rc.sock"
        assert address.address(args(box="unix:/p/rc.sock")).socket == "/p/rc.sock"
        assert address.address(args()).socket == "/b/rc.sock"
    with environment(RC_STATE_DIR="/e", RC_BOX=None, XDG_STATE_HOME="/x"):
        assert address.address(args()).socket == "/e/rc.sock"
    with environment(RC_STATE_DIR=None, RC_BOX=None, XDG_STATE_HOME="/x"):
        assert address.address(args()).socket == "/x/rc/rc.sock"


def test_a_relative_xdg_path_counts_as_none_as_it_does_for_the_box() -> None:
    with environment(RC_STATE_DIR=None, RC_BOX=None, XDG_STATE_HOME="x", HOME="/home/ana"):
        assert address.address(args()).state_dir == "/home/ana/.local/state/rc"


def test_a_box_that_was_named_by_its_socket_is_not_ours_to_start(tmp_path: Path) -> None:
    assert address.address(args(box=f"unix:{tmp_path}")) == address.Address(f"{tmp_path}/rc.sock", None)


@pytest.mark.parametrize("box", ["https://example.org", "ssh://ana@host", "unix:", "nonsense", "http://x"])
def test_a_box_that_cannot_be_reached_in_this_release_is_refused(box: str) -> None:
    with pytest.raises(Refused) as refused:
        address.address(args(box=box))
    assert refused.value.code == "invalid"


@pytest.mark.parametrize("depth", [1, 12])
def test_a_path_of_any_length_is_reached(tmp_path: Path, depth: int) -> None:
    folder = tmp_path.joinpath(*["a-long-name-for-a-directory"] * depth)
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        before = os.getcwd()
        os.chdir(folder)
        try:
            listener.bind("rc.sock")
        finally:
            os.chdir(before)
        listener.listen()
        with address.connect(str(folder / "rc.sock")) as connection:
            connection.sendall(b"x")
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.recv(1) == b"x"


def test_nobody_there_is_told_as_that(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        address.connect(str(tmp_path / "rc.sock"))
    assert refused.value.code == "unreachable"
    assert refused.value.detail == f"no box runs at {tmp_path}"


def test_a_socket_of_another_name_is_told_by_that(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        address.connect(str(tmp_path / "other.sock"))
    assert refused.value.detail == f"no box runs at {tmp_path}/other.sock"


def test_a_socket_that_nobody_listens_at_is_told_as_that(tmp_path: Path) -> None:
    path = str(tmp_path / "rc.sock")
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(path)
    with pytest.raises(Refused, match="no box runs at"):
        address.connect(path)


def test_other_causes_have_their_own_words() -> None:
    assert "may not be used" in address.unreachable("/s/rc.sock", PermissionError(13, "Permission denied")).detail
    assert "does not answer: Weather" in address.unreachable("/s/rc.sock", OSError(5, "Weather")).detail


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
