"""systemd's user manager, played by a script."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervisor.cli import systemd
from tests.supervisor.cli.calling import environment
from workers.errors import Refused


def programs(folder: Path, **scripts: str) -> str:
    """A search path with nothing but these shell scripts."""
    folder.mkdir(exist_ok=True)
    for name, script in scripts.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return str(folder)


def test_it_is_asked_as_this_account(tmp_path: Path) -> None:
    with environment(PATH=programs(tmp_path / "bin", systemctl='echo " $* "')):
        assert systemd.systemctl("is-active", systemd.UNIT) == "--user is-active rcbox.service"


def test_a_machine_without_it_is_told_what_else_to_do(tmp_path: Path) -> None:
    with environment(PATH=programs(tmp_path / "bin")), pytest.raises(Refused) as refused:
        systemd.systemctl("--version")
    assert refused.value.fields["exit"] == 78
    assert "rc serve -d" in refused.value.hint


@pytest.mark.parametrize(("script", "cause"), [("echo no; echo bus >&2; exit 1", "bus"), ("exit 3", "3")])
def test_a_failure_is_told_with_its_last_words(tmp_path: Path, script: str, cause: str) -> None:
    with environment(PATH=programs(tmp_path / "bin", systemctl=script)):
        with pytest.raises(Refused, match=f"failed: {cause}"):
            systemd.systemctl("enable", "x")
        assert systemd.systemctl("enable", "x", check=False) in ("no", "")


@pytest.mark.parametrize(("script", "lingers"), [("echo yes", True), ("echo no", False), ("exit 1", False)])
def test_whether_services_outlive_the_last_login(tmp_path: Path, script: str, lingers: bool) -> None:
    with environment(PATH=programs(tmp_path / "bin", loginctl=script)):
        assert systemd.lingers() is lingers


def test_without_loginctl_nothing_lingers(tmp_path: Path) -> None:
    with environment(PATH=programs(tmp_path / "bin")):
        assert not systemd.lingers()


def test_we_are_nobodys_unit() -> None:
    assert not systemd.manages(os.getpid())
    assert not systemd.manages(2**22 + 1)
