"""A supervisor that is killed while it deletes or restores: the session is there or in the trash, and whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.gitrepos import repository

SECONDS = 110.0  # for some thirty kills, each with a start after it
FEWEST = 20  # changes to the disk; with fewer this would not have looked at what it is about


@pytest.mark.parametrize("verb", ["delete", "restore"])
def test_killed_before_any_change_to_the_disk_nothing_is_missing(tmp_path: Path, verb: str) -> None:
    repository(tmp_path / "app")
    program = [sys.executable, "-m", "tests.flows.killed_at_steps", str(tmp_path), verb]
    done = subprocess.run(program, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) >= FEWEST
