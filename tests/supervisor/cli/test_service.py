"""`rc service`: the box as a unit, with systemd played by a script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.cli.service import unit_path, unit_text
from tests.supervisor.cli.calling import Called, call, directory, environment
from tests.supervisor.cli.test_systemd import programs
from tests.supervisor.web.boxes import ServedBox

TEMPLATE = Path("configs/rcbox.service")
MANAGER = """\
echo "$*" >> "$0.calls"
case "$2" in
is-active) cat "$0.active" 2>/dev/null || { echo inactive; exit 3; } ;;
is-enabled) cat "$0.active" >/dev/null 2>&1 && echo enabled || { echo disabled; exit 1; } ;;
enable) echo active > "$0.active" ;;
disable) rm "$0.active" ;;
esac
"""


class Machine:
    """A home with a manager of services; `calls` is what that was asked to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.unit = folder / "config" / "systemd" / "user" / "rcbox.service"
        self.path = programs(folder / "bin", systemctl=MANAGER, loginctl="echo no", cat='exec /bin/cat "$@"')
        os.symlink("/bin/rm", folder / "bin" / "rm")

    def __call__(self, *words: str) -> Called:
        variables = {"XDG_CONFIG_HOME": str(self.folder / "config"), "PATH": self.path}
        with environment(**variables, RC_STATE_DIR=str(self.folder / "state"), RC_BOX=None):
            return call("service", *words)

    @property
    def calls(self) -> list[str]:
        lines = (self.folder / "bin" / "systemctl.calls").read_text().splitlines()
        return [line.removeprefix("--user ") for line in lines]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_box_is_installed_with_the_paths_of_this_machine(machine: Machine, tmp_path: Path) -> None:
    place = tmp_path / "a place, 100%"
    place.mkdir()
    with directory(place):
        called = machine("install")
    assert called.code == 0, called
    assert called.out == f"{machine.unit} is installed, and the box runs\n"
    assert "loginctl enable-linger" in called.err
    assert machine.calls[-2:] == ["daemon-reload", "enable --now rcbox.service"]
    unit = machine.unit.read_text()
    assert f'"serve" "--log-json" "--state-dir={tmp_path}/state"\n' in unit
    assert f"WorkingDirectory={tmp_path}/a place, 100%%\n" in unit
    assert f'Environment="PATH={machine.path}"\n' in unit
    assert "KillMode=process\n" in unit


def test_a_relative_place_for_settings_counts_as_none(tmp_path: Path) -> None:
    with environment(XDG_CONFIG_HOME="config", HOME=str(tmp_path)):
        assert unit_path() == f"{tmp_path}/.config/systemd/user/rcbox.service"


def test_what_it_starts_is_this_installation(machine: Machine) -> None:
    machine("install")
    (line,) = [line for line in machine.unit.read_text().splitlines() if line.startswith("ExecStart=")]
    program = line.removeprefix("ExecStart=").split()[0].strip('"')
    assert os.path.dirname(program) == os.path.dirname(sys.executable)


def test_status_tells_how_it_stands(machine: Machine) -> None:
    called = machine("status")
    assert (called.code, called.out) == (3, "not installed; rc service install does it\n")
    machine("install")
    assert machine("status").out == f"{machine.unit}: enabled, active\n"
    told = {"installed": True, "path": str(machine.unit), "enabled": "enabled", "active": "active"}
    assert machine("status", "--json").json == told


def test_remove_takes_away_what_install_has_made(machine: Machine) -> None:
    assert machine("remove").code == 3
    machine("install", "--json")
    called = machine("remove")
    assert (called.code, "sessions run on" in called.out) == (0, True)
    assert not machine.unit.exists()
    assert machine.calls[-2:] == ["disable --now rcbox.service", "daemon-reload"]


def test_a_box_that_runs_already_is_not_doubled(box: ServedBox, machine: Machine) -> None:
    os.symlink(box.state_dir, machine.folder / "state")
    called = machine("install")
    assert (called.code, "rc shutdown" in called.err) == (4, True)
    assert not machine.unit.exists()


def test_without_systemd_nothing_is_written(machine: Machine) -> None:
    (machine.folder / "bin" / "systemctl").unlink()
    assert machine("install").code == 78
    assert not machine.unit.exists()


def test_where_systemd_does_not_run_nothing_is_written_either(machine: Machine) -> None:
    broken = "echo Failed to connect to bus >&2; exit 1"
    (machine.folder / "bin" / "systemctl").write_text(f"#!/bin/sh\n{broken}\n")
    called = machine("install")
    assert (called.code, "Failed to connect to bus" in called.err, "rc serve -d" in called.err) == (78, True, True)
    assert not machine.unit.exists()


def test_words_are_quoted_as_systemd_reads_them() -> None:
    text = unit_text(
        "a\nExecStart=old\n# rc service install says\n# kept\n", ['/a b/"rc"', "100%", "$x\\"], "/h", "/$p"
    )
    assert text == (
        'a\nExecStart="/a b/\\"rc\\"" "100%%" "$$x\\\\"\nWorkingDirectory=/h\nEnvironment="PATH=/$p"\n# kept\n'
    )


def test_the_unit_is_one_that_systemd_would_take(machine: Machine) -> None:
    machine("install")
    sections = [line for line in machine.unit.read_text().splitlines() if line.startswith("[")]
    assert sections == ["[Unit]", "[Service]", "[Install]"]


@pytest.mark.parametrize("words", [(), ("restart",)])
def test_what_cannot_be_meant_is_a_usage_error(machine: Machine, words: tuple[str, ...]) -> None:
    assert machine(*words).code == 2


def test_the_example_is_part_of_what_is_installed() -> None:
    asked = "from supervisor.cli.service import _template; print(len(_template()))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert int(done.stdout) == len(TEMPLATE.read_text())
