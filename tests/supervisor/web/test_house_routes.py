"""Routes of deletion and of what a box keeps on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.supervisor.web.boxes import ServedBox, git
from tests.waiting import until

ROUTE = "/v1/code/sessions"


def ended(box: ServedBox, **fields: object) -> dict[str, Any]:
    """A session whose program has ended by itself."""
    made = box.new(command=["true"], **fields)
    return until(lambda: (now := box.session(made["id"]))["state"] == "exited" and now)


def deleted(box: ServedBox, session: dict[str, Any], **fields: object) -> dict[str, Any]:
    """The answer of its deletion."""
    answer = box.ask("DELETE", f"{ROUTE}/{session['id']}", fields)
    assert answer.status == 200, answer
    told: dict[str, Any] = answer.json
    return told


def test_a_clean_tree_goes_to_the_trash_and_comes_back(box: ServedBox) -> None:
    session = ended(box, name="clean", spawn_mode="worktree")
    told = deleted(box, session)
    assert told["archived_ref"].startswith("refs/rc/archive/")
    assert not Path(session["workspace"]).exists()
    assert box.ask("GET", f"{ROUTE}/{session['id']}").code == "unknown_session"
    rows = [row for row in box.ask("GET", "/v1/trash").json["trash"] if row["id"] == session["id"]]
    assert rows[0]["restorable_until"] == told["restorable_until"]
    assert (rows[0]["bytes"] > 0, rows[0]["whole"]) == (True, True)
    assert "bytes" not in str(box.ask("GET", "/v1/trash?sizes=false").json)
    back = box.ask("POST", f"{ROUTE}/{session['id']}/restore").json
    assert (back["id"], back["name"], back["archived"]) == (session["id"], "clean", False)
    assert git(Path(session["workspace"]), "branch", "--show-current").strip() == session["branch"]
    assert session["id"] not in str(box.ask("GET", "/v1/trash").json)


def test_a_tree_that_holds_work_is_kept_with_its_reasons(box: ServedBox) -> None:
    session = ended(box, name="dirty", spawn_mode="worktree")
    (Path(session["workspace"]) / "work").write_text("x")
    answer = box.ask("DELETE", f"{ROUTE}/{session['id']}")
    assert (answer.status, answer.code) == (409, "kept")
    assert [reason["code"] for reason in answer.json["reasons"]] == ["untracked"]
    assert (Path(session["workspace"]) / "work").read_text() == "x"
    assert box.session(session["id"])["state"] == "exited"


def test_a_session_that_runs_is_kept(box: ServedBox) -> None:
    session = box.new(command=["cat"])
    answer = box.ask("DELETE", f"{ROUTE}/{session['id']}", {})
    assert [reason["code"] for reason in answer.json["reasons"]] == ["running"]


def test_in_the_project_itself_only_the_record_goes(box: ServedBox) -> None:
    told = deleted(box, ended(box, name="record"), keep_branch=True)
    assert told["archived_ref"] is None
    assert (box.project / "a.txt").exists()


def test_archiving_is_undone_by_restore(box: ServedBox) -> None:
    session = ended(box, name="away")
    path = f"{ROUTE}/{session['id']}"
    assert box.ask("POST", f"{path}/archive").json["archived"] is True
    assert box.ask("POST", f"{path}/restore").json["archived"] is False
    assert box.ask("POST", f"{path}/restore").code == "invalid_state"


def test_the_trash_is_pruned_by_age(box: ServedBox) -> None:
    session = ended(box, name="old")
    deleted(box, session)
    assert box.ask("POST", "/v1/prune", {"older": "30d"}).json["pruned"] == []
    refused = box.ask("POST", "/v1/prune", {"older": "x"}).json
    assert refused["field"] == "older" and refused["detail"].startswith("older: give a time span")
    assert session["id"] in [row["id"] for row in box.ask("POST", "/v1/prune", {"older": 0}).json["pruned"]]
    assert box.ask("POST", f"{ROUTE}/{session['id']}/restore").code == "unknown_session"


def test_what_is_kept_on_disk_is_told(box: ServedBox) -> None:
    session = ended(box, name="costs", spawn_mode="worktree")
    told = box.ask("GET", "/v1/df").json
    row = next(row for row in told["sessions"] if row["id"] == session["id"])
    assert row["tree"] > 0 and row["journal"] > 0
    assert told["disk"]["free"] > 0
