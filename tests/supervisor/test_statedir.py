"""Where a box keeps its state: the box, the command line and the doctor ask the same function."""

from __future__ import annotations

import os

from supervisor.statedir import StateDir, find_state_dir, state_dir_of


def test_the_flag_goes_before_the_variables_and_those_before_the_default() -> None:
    environ = {"RC_STATE_DIR": "/by/variable", "XDG_STATE_HOME": "/xdg"}
    assert find_state_dir("/by/flag", environ) == StateDir("/by/flag", "flag", "--state-dir")
    assert find_state_dir(None, environ) == StateDir("/by/variable", "environment", "RC_STATE_DIR")
    assert find_state_dir(None, {"XDG_STATE_HOME": "/xdg"}) == StateDir("/xdg/rc", "environment", "XDG_STATE_HOME")
    assert find_state_dir(None, {}) == StateDir(os.path.expanduser("~/.local/state/rc"), "default", None)


def test_a_relative_path_is_made_absolute() -> None:
    assert state_dir_of("relative", {}) == os.path.abspath("relative")
    assert state_dir_of(None, {"RC_STATE_DIR": "relative"}) == os.path.abspath("relative")


def test_a_relative_xdg_path_counts_as_none() -> None:
    assert find_state_dir(None, {"XDG_STATE_HOME": "relative"}).source == "default"
