"""systemd hears when the box is ready."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from supervisor.readiness import READY, tell_systemd


@pytest.mark.parametrize("abstract", [True, False])
def test_the_word_arrives(tmp_path: Path, abstract: bool) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + path if abstract else path)
        assert tell_systemd(READY, {"NOTIFY_SOCKET": "@" + path if abstract else path})
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_nobody_need_want_to_know(environ: dict[str, str]) -> None:
    assert not tell_systemd(READY, environ)


def test_a_manager_that_is_gone_is_no_error(tmp_path: Path) -> None:
    assert not tell_systemd(READY, {"NOTIFY_SOCKET": str(tmp_path / "gone")})
