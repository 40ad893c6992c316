"""The socket of a box on this machine."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from supervisor.client import unix
from workers.errors import Refused


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
        with unix.connect(str(folder / "rc.sock")) as connection:
            connection.sendall(b"x")
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.recv(1) == b"x"


def test_nobody_there_is_told_as_that(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        unix.connect(str(tmp_path / "rc.sock"))
    assert refused.value.code == "unreachable"
    assert refused.value.detail == f"no box runs at {tmp_path}"


def test_a_socket_of_another_name_is_told_by_that(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        unix.connect(str(tmp_path / "other.sock"))
    assert refused.value.detail == f"no box runs at {tmp_path}/other.sock"


def test_a_socket_that_nobody_listens_at_is_told_as_that(tmp_path: Path) -> None:
    path = str(tmp_path / "rc.sock")
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(path)
    with pytest.raises(Refused, match="no box runs at"):
        unix.connect(path)


def test_other_causes_have_their_own_words() -> None:
    assert "may not be used" in unix.unreachable("/s/rc.sock", PermissionError(13, "Permission denied")).detail
    assert "does not answer: Weather" in unix.unreachable("/s/rc.sock", OSError(5, "Weather")).detail


def test_it_is_a_way_that_needs_no_more_than_its_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "rc.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        way = unix.Unix(path)
        dialled = way.dial(1.0)
        assert dialled.socket.gettimeout() == 1.0
        dialled.close()
        assert dialled.socket.fileno() == -1
    assert (way.name, way.is_here) == (f"socket {path}", True)
