"""Routes of the box itself."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.supervisor.web.boxes import ServedBox, serving
from tests.waiting import until


def test_the_box_tells_what_it_is(box: ServedBox) -> None:
    told = box.ask("GET", "/v1/box").json
    assert told["spawn_mode"] == "same-dir"
    assert told["capacity"] == 32
    assert told["projects"][0] == {"id": "app", "path": str(box.project), "git": True, "branch": "main"}
    (shell,) = [agent for agent in told["agents"] if agent["name"] == "shell"]
    assert (shell["adapter"], shell["available"], shell["why"]) == ("terminal", True, None)
    assert len(shell["command"]) == 1
    assert told["you"] == {"person": "owner", "role": "admin", "device": None}
    assert told["urls"][0].startswith("http://127.0.0.1:")


def test_health_and_readiness(box: ServedBox) -> None:
    assert box.ask("GET", "/healthz").json == {"ok": True}
    assert box.ask("GET", "/readyz").json == {"ok": True}


def test_its_figures_name_nobody(box: ServedBox) -> None:
    made = box.new(command=["sh", "-c", "echo hello; sleep 600"])
    until(lambda: box.ask("GET", f"/v1/code/sessions/{made['id']}").json["terminal"]["offset"] == len("hello\r\n"))
    answer = box.ask("GET", "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    figures = dict(line.rsplit(" ", 1) for line in answer.body.decode().splitlines() if not line.startswith("#"))
    told = box.ask("GET", "/v1/box").json
    assert (figures["rc_slots_used"], figures["rc_capacity"]) == (str(told["used"]), str(told["capacity"]))
    assert figures["rc_epoch"] == str(told["epoch"]) and int(figures["rc_terminal_octets"]) >= len("hello\r\n")
    assert int(figures['rc_sessions{state="running"}']) >= 1 and figures['rc_sessions{state="lost"}'] == "0"
    assert not any(word in answer.body.decode() for word in (made["id"], made["name"], made["project"], "owner"))
    assert box.ask("POST", f"/v1/code/sessions/{made['id']}/stop").status == 200


def test_the_box_is_changed_and_says_so(box: ServedBox) -> None:
    changed = box.ask("PATCH", "/v1/box", {"spawn_mode": "worktree", "capacity": 20, "name": "desk"}).json
    assert (changed["spawn_mode"], changed["capacity"], changed["name"]) == ("worktree", 20, "desk")
    for nothing in ({}, {"capacity": None}, {"name": "desk", "spawn_mode": None}):
        refused = box.ask("PATCH", "/v1/box", nothing)
        assert (refused.status, refused.code) == (422, "invalid")
    assert box.ask("GET", "/v1/box").json["name"] == "desk"
    assert box.ask("PATCH", "/v1/box", {"name": "a\u202eb"}).code == "invalid"
    back = box.ask("PATCH", "/v1/box", {"spawn_mode": "same-dir", "capacity": 32}).json
    assert (back["spawn_mode"], back["capacity"], back["name"]) == ("same-dir", 32, "desk")


def test_projects_are_added_listed_and_removed(box: ServedBox, tmp_path: Path) -> None:
    added = box.ask("POST", "/v1/projects", {"path": str(tmp_path)})
    assert (added.status, added.json["path"], added.json["git"]) == (201, os.path.realpath(tmp_path), False)
    listed = box.ask("GET", "/v1/projects").json["projects"]
    assert added.json in listed
    assert box.ask("DELETE", f"/v1/projects/{added.json['id']}").json == added.json
    assert box.ask("DELETE", f"/v1/projects/{added.json['id']}").code == "unknown_project"
    assert added.json not in box.ask("GET", "/v1/projects").json["projects"]


@pytest.mark.parametrize("path", ["/nowhere/at/all", "/etc/passwd"])
def test_what_is_no_directory_is_no_project(box: ServedBox, path: str) -> None:
    assert box.ask("POST", "/v1/projects", {"path": path}).code == "invalid"


def why_not_ready(box: ServedBox) -> str:
    answer = box.ask("GET", "/readyz")
    assert (answer.status, answer.code) == (503, "not_ready")
    why: str = answer.json["detail"]
    return why


@pytest.mark.skipif(shutil.disk_usage("/").free >= 1 << 40, reason="no setting is above what this disk has free")
def test_a_box_whose_disk_is_nearly_full_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "box.toml").write_text('[disk]\nkeep_free = "1 TiB"\n')
    with serving(tmp_path, "--config", str(tmp_path / "box.toml")) as box:
        assert why_not_ready(box) == "the disk is nearly full"
        assert box.ask("POST", "/v1/code/sessions", {}).code == "disk_full"


def test_without_a_project_or_a_slot_a_box_is_not_ready_and_a_shutdown_ends_it(tmp_path: Path) -> None:
    with serving(tmp_path, "--capacity", "1") as box:
        box.project.rename(tmp_path / "elsewhere")
        assert why_not_ready(box) == "no project of this box is there"
        (tmp_path / "elsewhere").rename(box.project)
        assert box.ask("GET", "/readyz").json == {"ok": True}
        session = box.new(name="only")
        assert why_not_ready(box) == "all slots are taken"
        full = box.ask("POST", "/v1/code/sessions", {})
        assert full.code == "at_capacity"
        assert (full.json["used"], full.json["limit"]) == (1, 1)
        assert session["id"] in str(full.json["sessions"])
        assert box.ask("POST", "/v1/shutdown", {"sessions": True}).status == 202
        assert box.process.wait(20) == 0
    assert not os.path.exists(f"/proc/{session['pid']}")
