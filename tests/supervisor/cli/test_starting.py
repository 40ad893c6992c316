"""Whether a box may be started because a verb needs one; that it is started is shown in the flows."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from supervisor.cli.client import Client
from supervisor.cli.starting import running_box
from tests.supervisor.cli.calling import environment
from tests.supervisor.cli.stage import terminal
from tests.supervisor.web.boxes import ServedBox
from workers.errors import Refused


def args(state_dir: Path, no_start: bool = False) -> argparse.Namespace:
    return argparse.Namespace(state_dir=str(state_dir), box=None, no_start=no_start)


def test_one_that_runs_is_taken(box: ServedBox) -> None:
    assert isinstance(running_box(args(box.state_dir, no_start=True)), Client)


def refused(tmp_path: Path, no_start: bool = False) -> str:
    with pytest.raises(Refused) as refusal:
        running_box(args(tmp_path / "s", no_start))
    assert not (tmp_path / "s").exists()
    return refusal.value.code


def test_none_is_started_where_nobody_sits(tmp_path: Path) -> None:
    assert refused(tmp_path) == "unreachable"


def test_none_is_started_when_that_is_not_wanted(tmp_path: Path) -> None:
    with terminal():
        assert refused(tmp_path, no_start=True) == "unreachable"


def test_none_is_started_inside_a_session(tmp_path: Path) -> None:
    with terminal(), environment(RC_SESSION_ID="session_1"):
        assert refused(tmp_path) == "unreachable"
