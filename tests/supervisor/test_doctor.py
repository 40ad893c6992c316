"""The doctor looks at everything and changes nothing."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from supervisor.core.schema import MIGRATIONS
from supervisor.doctor import environment_of, examine, lines
from supervisor.serveoptions import ServeOptions
from workers.errors import Refused


def report(folder: Path, text: str = "", **environ: str) -> dict[str, Any]:
    (folder / "box.toml").write_text(text, encoding="utf-8")
    surroundings = {"RC_CONFIG": str(folder / "box.toml"), "PATH": os.environ["PATH"], **environ}
    return examine(ServeOptions(state_dir=str(folder / "state")), surroundings)


def finding(told: dict[str, Any], check: str) -> dict[str, Any]:
    (found,) = [one for one in told["findings"] if one["check"] == check]
    assert isinstance(found, dict)
    return found


def test_on_a_machine_that_has_everything_all_is_well(tmp_path: Path) -> None:
    told = report(tmp_path)
    assert [one for one in told["findings"] if not one["ok"]] == []
    assert told["ok"]
    assert told["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {one["check"] for one in told["findings"]} >= {"kernel", "git", "package names", "disk", "fsync", "who asks"}


def test_it_leaves_nothing_behind(tmp_path: Path) -> None:
    report(tmp_path)
    assert os.listdir(tmp_path) == ["box.toml"]


def test_the_time_of_an_fsync_is_told(tmp_path: Path) -> None:
    assert finding(report(tmp_path), "fsync")["detail"].endswith(f"ms on the disk of {tmp_path}")


def test_every_setting_is_told_with_its_source(tmp_path: Path) -> None:
    os.mkdir(tmp_path / "state")
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "box.sqlite")) as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("INSERT INTO settings VALUES ('capacity', '4', 'runtime', 'owner', '2026-01-01T00:00:00Z')")
        connection.commit()
    told = report(tmp_path, "spawn_mode = 'worktree'\n", RC_LISTEN="127.0.0.1:0")
    sources = {one["key"]: (one["value"], one["source"]) for one in told["settings"]}
    assert sources["state_dir"] == (str(tmp_path / "state"), "flag")
    assert sources["capacity"] == (4, "runtime")
    assert sources["spawn_mode"] == ("worktree", "file")
    assert sources["listen"] == (("127.0.0.1:0",), "environment")
    assert sources["default_agent"] == ("shell", "default")


def test_the_state_directory_has_a_source_too(tmp_path: Path) -> None:
    told = examine(ServeOptions(), {"RC_STATE_DIR": str(tmp_path), "PATH": os.defpath})
    assert told["settings"][0] == {
        "key": "state_dir",
        "value": str(tmp_path),
        "source": "environment",
        "where": "RC_STATE_DIR",
    }
    assert examine(ServeOptions(), {"PATH": os.defpath})["settings"][0]["source"] == "default"


def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    told = report(tmp_path, "capacity = 0\n")
    assert not told["ok"]
    assert "box.toml, line 1: capacity" in finding(told, "settings")["detail"]


def test_a_machine_without_git_is_told_to_get_it(tmp_path: Path) -> None:
    told = report(tmp_path, PATH=str(tmp_path))
    assert not finding(told, "git")["ok"]
    assert "install git" in finding(told, "git")["hint"]


@pytest.mark.parametrize(
    ("version", "ok"), [("git version 1.8.3", False), ("git version 2.50.1.windows", True), ("git", False)]
)
def test_an_old_git_is_found(tmp_path: Path, version: str, ok: bool) -> None:
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\necho {version}\n", encoding="utf-8")
    program.chmod(stat.S_IRWXU)
    assert finding(report(tmp_path, PATH=f"{tmp_path}:{os.defpath}"), "git")["ok"] is ok


def test_an_agent_whose_program_is_missing_is_found(tmp_path: Path) -> None:
    told = report(tmp_path, "[agents.tool]\nadapter = 'terminal'\ncommand = ['no-such-program']\n")
    assert finding(told, "agent tool")["detail"] == "there is no program no-such-program"
    assert finding(told, "agent echo")["ok"]


def test_the_report_is_json_and_lines(tmp_path: Path) -> None:
    told = report(tmp_path, "capacity = 0\n")
    assert json.loads(json.dumps(told))["ok"] is False
    text = lines(report(tmp_path, "capacity = 3\n[agents.x]\nadapter = 'terminal'\ncommand = ['nope']\n"))
    assert "BAD  agent x: there is no program nope" in text
    assert "     → install it, or correct [agents.x]" in text


def test_the_environment_of_an_agent_is_shown_masked(tmp_path: Path) -> None:
    environ = {"PATH": "/bin", "LC_ALL": "C", "SECRET": "s", "RC_STATE_DIR": str(tmp_path)}
    shown = environment_of("shell", ServeOptions(), environ)
    assert shown["LC_ALL"] == "(1 characters)"
    assert "SECRET" not in shown
    assert {"RC_SESSION_ID", "RC_BRANCH", "TERM"} <= set(shown)
    with pytest.raises(Refused):
        environment_of("nobody", ServeOptions(), environ)
