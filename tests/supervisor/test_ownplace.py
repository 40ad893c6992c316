"""Whether we ourselves are inside a session of a state directory: seen from this very process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.core.access import OWNER, Principal
from supervisor.ownplace import judge_ourselves, refuse_inside
from workers.bundle import Bundle, boot_id, start_time
from workers.errors import Refused

GONE = 4_194_304  # above the highest pid that the kernel gives


def bundle(state: Path, id: str, pid: int = 0, **named: object) -> Bundle:
    """One of a worker with this pid, where one is given."""
    directory = state / "sessions" / id
    directory.mkdir(parents=True)
    if pid:
        note = {"pid": pid, "start_time": start_time(pid), "boot_id": boot_id(), "agent_pid": None, **named}
        (directory / "worker.json").write_text(json.dumps(note))
    return Bundle(str(directory))


def test_where_nothing_lives_nobody_is_inside(tmp_path: Path) -> None:
    assert judge_ourselves(str(tmp_path / "none")) == OWNER
    bundle(tmp_path, "session_half")
    bundle(tmp_path, "session_other", os.getppid(), boot_id="another")
    bundle(tmp_path, "session_gone", GONE, start_time=1)
    bundle(tmp_path, "session_recycled", os.getppid(), start_time=1)
    (tmp_path / "sessions" / "a-file").write_text("")
    refuse_inside(str(tmp_path))
    assert not (tmp_path / "none").exists()


def test_a_worker_among_our_parents_has_us_inside(tmp_path: Path) -> None:
    bundle(tmp_path, "session_own", os.getppid())
    assert judge_ourselves(str(tmp_path)) == Principal("agent", "session_own")
    with pytest.raises(Refused) as caught:
        refuse_inside(str(tmp_path))
    assert (caught.value.code, caught.value.fields) == ("not_allowed", {"session": "session_own"})
    assert caught.value.hint == "run it in a terminal outside every session"


def test_so_has_an_agent_whose_login_we_are_of(tmp_path: Path) -> None:
    # Any process that lives and is no parent of ours will do as its worker.
    with subprocess.Popen(["sleep", "60"]) as worker:
        try:
            bundle(tmp_path, "session_own", worker.pid, agent_pid=os.getsid(0))
            assert judge_ourselves(str(tmp_path)) == Principal("agent", "session_own")
        finally:
            worker.kill()


@pytest.mark.parametrize(("named", "seen"), [("session_ours", "session_ours"), ("session_elsewhere", None), ("", None)])
def test_a_mark_counts_where_it_names_a_session_of_this_state_directory(
    tmp_path: Path, named: str, seen: str | None
) -> None:
    bundle(tmp_path, "session_ours")
    look = "import sys; from supervisor.ownplace import judge_ourselves; print(judge_ourselves(sys.argv[1]).session)"
    words = [sys.executable, "-c", look, str(tmp_path)]
    ran = subprocess.run(words, env={**os.environ, "RC_SESSION_ID": named}, capture_output=True, text=True)
    assert ran.stdout.strip() == str(seen), ran.stderr


def test_a_worker_that_we_cannot_see_may_be_our_own(tmp_path: Path) -> None:
    found = bundle(tmp_path, "session_hidden", GONE, start_time=1)
    lock = found.try_lock()
    assert lock is not None
    assert judge_ourselves(str(tmp_path)) == Principal("agent", None)
    found.write("exit.json", "{}")
    assert judge_ourselves(str(tmp_path)) == OWNER
    os.close(lock)
