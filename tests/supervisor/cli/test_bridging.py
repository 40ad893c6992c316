"""Verbs of remote workers."""

from __future__ import annotations

import json
from pathlib import Path

from supervisor.cli.exits import NEW_EXCHANGE
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.web.boxes import ServedBox


def test_an_exchange_goes_to_stdout_or_into_a_file_for_nobody_else(rc: Rc, box: ServedBox, tmp_path: Path) -> None:
    id = box.new(agent="echo", worker="remote", name="away")["id"]
    told = rc("bridge", "away")
    assert (told.code, json.loads(told.out)["session"]) == (0, id)
    path = tmp_path / "exchange"
    written = rc("bridge", "away", "--out", str(path))
    assert (written.code, written.out) == (0, "")
    assert "rc worker http://127.0.0.1:" in written.err and "15 minutes" in written.err
    assert path.stat().st_mode & 0o777 == 0o600
    exchange = json.loads(path.read_text())
    assert exchange["generation"] == 2 and exchange["worker_jwt"] not in written.err
    box.ask("POST", f"/v1/code/sessions/{id}/stop")
    assert rc("bridge", "away", "--out", str(path)).code == 4
    assert json.loads(path.read_text()) == exchange and [*tmp_path.glob("exchange*")] == [path]


def test_where_it_cannot_be_written_no_exchange_is_made(rc: Rc, box: ServedBox, tmp_path: Path) -> None:
    id = box.new(agent="echo", worker="remote", name="far")["id"]
    for path in (tmp_path, tmp_path / "none" / "exchange"):
        refused = rc("bridge", "far", "--out", str(path))
        assert refused.code == 2 and "cannot be written" in refused.err
    assert json.loads(rc("bridge", "far").out)["generation"] == 1
    box.ask("POST", f"/v1/code/sessions/{id}/stop")


def test_a_local_session_has_no_exchange(rc: Rc, box: ServedBox) -> None:
    box.new(command=["cat"], name="here")
    refused = rc("bridge", "here")
    assert refused.code == 4 and "runs on this box" in refused.err


def test_a_worker_without_an_exchange_or_with_a_void_one_says_so(rc: Rc, box: ServedBox, tmp_path: Path) -> None:
    at = ("--state-dir", str(tmp_path), "worker", f"unix:{box.socket}")
    assert rc(*at, "--bridge", str(tmp_path / "none")).code == 2
    id = box.new(agent="echo", worker="remote")["id"]
    path = tmp_path / "exchange"
    path.write_bytes(box.ask("POST", f"/v1/code/sessions/{id}/bridge").body)
    box.ask("POST", f"/v1/code/sessions/{id}/bridge")
    void = rc(*at, "--bridge", str(path))
    assert void.code == NEW_EXCHANGE and "rc bridge SESSION --out FILE" in void.err
    path.write_text(json.dumps({"worker_jwt": "a.b.c", "session": id}))
    assert rc(*at, "--bridge", str(path)).code == NEW_EXCHANGE
    box.ask("POST", f"/v1/code/sessions/{id}/stop")


def test_a_remote_session_is_made_and_shown_by_name(rc: Rc, box: ServedBox) -> None:
    made = rc("new", "--worker", "remote", "--agent", "echo", "--name", "elsewhere")
    assert made.code == 0 and "elsewhere" in made.out
    assert "remote" in rc("show", "elsewhere").out
    where = rc("path", "elsewhere")
    assert where.code == 4 and "where its remote worker runs" in where.err
    assert rc("stop", "elsewhere").code == 0
