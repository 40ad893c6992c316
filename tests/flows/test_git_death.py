"""A git that is killed while a session is made: the session is refused, and nothing of it is left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.boxprocess import BoxProcess, box_process
from tests.gitrepos import commit, git, repository, traces

MOST = 20  # calls of git for one session
# Only what carries a session's id belongs to the making of one.
WRAPPER = """#!/bin/sh
if [ -n "$RC_SESSION_ID" ]; then
  echo >>{home}/calls
  if [ "$(wc -l <{home}/calls)" = "$(cat {home}/at)" ]; then
    [ "$(cat {home}/when)" = before ] || {git} "$@"
    kill -9 $$
  fi
fi
exec {git} "$@"
"""


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BoxProcess]:
    project = repository(tmp_path / "app")
    commit(project, {f"file{number}": "text\n" for number in range(20)})
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(WRAPPER.format(home=tmp_path, git=shutil.which("git")))
    wrapper.chmod(0o755)
    with box_process(tmp_path, project) as box:
        box.environment["PATH"] = f"{wrapper.parent}:{box.environment['PATH']}"
        yield box.start("--no-create-session-in-dir", "--spawn", "worktree")


@pytest.mark.parametrize("when", ["before", "after"])
def test_whichever_call_is_killed_nothing_is_left(box: BoxProcess, tmp_path: Path, when: str) -> None:
    before = traces(box.project)
    (tmp_path / "when").write_text(when)
    for call in range(1, MOST):
        (tmp_path / "at").write_text(str(call))
        (tmp_path / "calls").unlink(missing_ok=True)
        status, answer = box.call("POST", "/v1/code/sessions", {"command": ["sleep", "600"]})
        if status == 201:
            break
        assert (status, answer["code"]) == (502, "git_failed"), answer
        assert box.sessions() == [] and box.call("GET", "/v1/box")[1]["used"] == 0
        assert traces(box.project) == before
        folders = (box.state / "worktrees").glob("*")
        assert {name for folder in folders for name in os.listdir(folder)} <= {".lock"}
    assert call > 3, "a branch, a registration, a checkout and a look at it"
    git(answer["workspace"], "fsck", "--no-dangling", "--connectivity-only")
