"""The box that the words of a command line mean, and what verbs need to ask it."""

from __future__ import annotations

import argparse

from supervisor.cli import address
from supervisor.client.api import ACT_SECONDS, LOOK_SECONDS, SESSIONS, Client, given, session_path

__all__ = ["ACT_SECONDS", "LOOK_SECONDS", "SESSIONS", "Client", "given", "of", "session_path"]


def of(args: argparse.Namespace) -> Client:
    """The client of that box. Raises Refused for one that is none."""
    return Client(address.address(args))
