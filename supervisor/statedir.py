"""The directory in which a box keeps its state: where it is, and who says so. Loads nothing: every verb asks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

SOCKET = "rc.sock"  # in it: where the box listens for who is on this machine


class StateDir(NamedTuple):
    """`source` and `where` are those of a setting: `flag`, `environment` or `default`, and the flag or variable."""

    path: str
    source: str
    where: str | None


def state_dir_of(flag: str | None, environ: Mapping[str, str]) -> str:
    """The path, absolute."""
    return find_state_dir(flag, environ).path


def find_state_dir(flag: str | None, environ: Mapping[str, str]) -> StateDir:
    """By flag, variable or default."""
    if flag:
        return StateDir(os.path.abspath(flag), "flag", "--state-dir")
    if environ.get("RC_STATE_DIR"):
        return StateDir(os.path.abspath(environ["RC_STATE_DIR"]), "environment", "RC_STATE_DIR")
    base = environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(base):  # by the XDG specification a relative path counts as none
        return StateDir(os.path.join(base, "rc"), "environment", "XDG_STATE_HOME")
    return StateDir(os.path.expanduser("~/.local/state/rc"), "default", None)
