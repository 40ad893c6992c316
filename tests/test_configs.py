"""The unit for systemd says what a box needs, or its sessions die with it."""

from __future__ import annotations

import configparser
from pathlib import Path

UNIT = Path(__file__).parent.parent / "configs" / "rcbox.service"


def service() -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as configparser's manual says
    parser.read(UNIT, encoding="utf-8")
    return dict(parser["Service"])


def test_sessions_outlive_the_service() -> None:
    assert service()["KillMode"] == "process"
    assert service()["OOMPolicy"] == "continue"


def test_the_box_comes_back_but_not_with_a_configuration_that_cannot_be_had() -> None:
    assert (service()["Restart"], service()["RestartPreventExitStatus"]) == ("always", "78")


def test_systemd_waits_for_our_word() -> None:
    assert service()["Type"] == "notify"


def test_there_is_room_for_many_sessions() -> None:
    assert int(service()["LimitNOFILE"]) >= 65536
    assert service()["TasksMax"] == "infinity"
    assert service()["Delegate"] == "yes"
