"""Which box is meant, and where the asker sits."""

from __future__ import annotations

import argparse
import os
import stat

from supervisor.client import boxes
from supervisor.client.address import Address, of_name, of_state_dir
from supervisor.statedir import state_dir_of


def state_dir(args: argparse.Namespace) -> str:
    """The state directory by option, environment, default; absolute."""
    return state_dir_of(args.state_dir, os.environ)


def address(args: argparse.Namespace) -> Address:
    """Raises Refused `invalid` for words that name no box."""
    # An option that was given goes before the environment: --state-dir means the box that keeps its state there.
    box = args.box or (None if args.state_dir else os.environ.get("RC_BOX"))
    if not box and not args.state_dir and not os.environ.get("RC_STATE_DIR"):
        box = boxes.read().current
    return of_name(box) if box and box != boxes.LOCAL else of_state_dir(state_dir(args))


def is_terminal(descriptor: int) -> bool:
    """Whether a person sits at this descriptor."""
    try:
        return stat.S_ISCHR(os.fstat(descriptor).st_mode) and os.isatty(descriptor)
    except OSError:
        return False


def inside_session() -> bool:
    """Whether the environment says that a session's agent started us. The box judges for itself."""
    return bool(os.environ.get("RC_SESSION_ID"))
