"""A box for those verbs that need one: started in the background when none runs and a person sits there."""

from __future__ import annotations

import argparse
from typing import Any

from supervisor.cli import client as clients
from supervisor.cli import printing
from supervisor.cli.address import inside_session, is_terminal
from supervisor.cli.arguments import Parser
from workers.errors import Refused

# By variable and not by flag, because flags are remembered. The session that is asked for is made right afterwards;
# one more that nobody asked for would only take a slot.
FOR_THIS_START = {"RC_CREATE_SESSION_IN_DIR": "false"}
ANY_PORT = {"RC_LISTEN": "127.0.0.1:0"}


def add_no_start(parser: Parser) -> None:
    parser.add_argument("--no-start", action="store_true", help="do not start a box when none runs")


def running_box(args: argparse.Namespace) -> clients.Client:
    """The client of a box that runs: of the one that did, or of one that is started now, which is said.

    Raises Refused `unreachable` where none may be started.
    """
    client = clients.of(args)
    state_dir = client.address.state_dir
    if state_dir is None:
        return client
    try:
        client.transport.dial(clients.LOOK_SECONDS).close()
    except Refused as refused:
        nobody_there = isinstance(refused.__cause__, FileNotFoundError | ConnectionRefusedError)
        if not nobody_there or args.no_start or not is_terminal(0) or _is_inside(state_dir):
            raise
        _start(state_dir)
    return client


def _is_inside(state_dir: str) -> bool:
    from supervisor.ownplace import judge_ourselves

    return inside_session() or judge_ourselves(state_dir).kind == "agent"  # whatever our environment says


def _start(state_dir: str) -> None:
    from supervisor.statelock import make_state_dir

    make_state_dir(state_dir)
    words = [f"--state-dir={state_dir}"]
    ready, fallen_back = start_somewhere(words, state_dir, [FOR_THIS_START, FOR_THIS_START | ANY_PORT])
    where = " ".join(map(str, ready.get("urls") or ()))
    printing.note(f"no box was running; started one in the background at {where}{fallen_back}; rc shutdown ends it")


def start_somewhere(words: list[str], state_dir: str, tries: list[dict[str, str]]) -> tuple[dict[str, Any], str]:
    """Start a box with these variables, or those: its ready line, and why not the first, for people (else empty).

    A port in use is the one cause that others can get around; for what else is refused all of them are.
    """
    from supervisor.detached import start_box

    fallen_back = ""
    for variables in tries[:-1]:
        try:
            return start_box(words, state_dir, variables), fallen_back
        except Refused as refused:
            if refused.code != "configuration":
                raise
            fallen_back = fallen_back or f" ({refused.detail})"
    return start_box(words, state_dir, tries[-1]), fallen_back
