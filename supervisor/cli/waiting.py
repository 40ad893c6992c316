"""`rc wait`: return when sessions are idle, ask for something, or have ended."""

from __future__ import annotations

import argparse
import time
from typing import Any

from supervisor.cli import client as clients
from supervisor.cli import describe, exits, printing
from supervisor.cli.arguments import Parser, Verb, add_sessions, seconds
from supervisor.cli.lookup import Session, all_sessions, find
from supervisor.client import sse
from workers.core.lifecycle import ENDED as ENDED_STATES
from workers.errors import Refused


def _arguments(parser: Parser) -> None:
    add_sessions(parser, some=False)
    parser.add_argument("--until", choices=("idle", "approval", "exit"), default="idle", help="default: idle")
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="give up after so long (exit 124)")


def _wait(args: argparse.Namespace) -> int:
    until = None if args.timeout is None else time.monotonic() + args.timeout
    client = clients.of(args)
    wanted = _wanted(client, args)
    sessions = {session["id"]: session for session in wanted}
    code = exits.DONE if not sessions else _follow(client, sessions, args.until, until)
    if args.json:
        answers = list(sessions.values())
        printing.value(answers[0] if len(args.sessions) == 1 else {"results": answers})
    else:
        for session in sessions.values():
            printing.line(describe.short(session))
    return code


def _wanted(client: clients.Client, args: argparse.Namespace) -> list[Session]:
    if args.sessions:
        found = [find(client, wanted) for wanted in args.sessions]
        terminal = next((session for session in found if session.get("terminal")), None)
        if args.until == "idle" and terminal is not None:
            detail = f"{terminal['name']} is a terminal, and nobody can tell whether it is idle"
            raise Refused("invalid", detail, "wait for it with --until exit")
        return found
    me = (client.get("/v1/box").get("you") or {}).get("person")
    mine = [
        session
        for session in all_sessions(client, archived=None)
        if (session.get("created_by") or {}).get("person") == me and session["state"] not in ENDED_STATES
    ]
    if args.until != "idle":
        return mine
    wanted = [session for session in mine if not session.get("terminal")]
    left_out = len(mine) - len(wanted)
    if left_out and not wanted:
        detail = "all that runs of yours is terminals, and nobody can tell whether those are idle"
        raise Refused("invalid", detail, "wait for their end with --until exit")
    if left_out:
        printing.note(f"{printing.count(left_out, 'terminal')} left out: nobody can tell whether one is idle")
    return wanted


def _follow(client: clients.Client, sessions: dict[str, Session], wish: str, until: float | None) -> int:
    """Follow the box until the wish has come true for these sessions, which are kept up to date: the exit code."""
    for message in sse.follow(client, "/v1/stream", until):
        _take(sessions, message)
        code = verdict(list(sessions.values()), wish)
        if code is not None:
            return code
    raise AssertionError("a stream that is followed has no end")


def _take(sessions: dict[str, Session], message: dict[str, Any]) -> None:
    told = message.get("sessions", []) if message["type"] == "hello" else [message.get("session")]
    current = {session["id"]: session for session in told if session}
    for id in sessions:
        if id in current:
            sessions[id] = current[id]
        elif message["type"] == "hello" or message.get("id") == id:  # deleted, now or while the line was cut
            name = sessions[id]["name"]
            raise Refused("unknown_session", f"{name} has been deleted meanwhile", "rc restore brings it back")


def verdict(sessions: list[Session], wish: str) -> int | None:
    """The exit code when the waiting is over; None while it goes on."""
    asked = any(session.get("open_approvals") for session in sessions)
    ended = [session["state"] in ENDED_STATES for session in sessions]
    if wish == "approval":
        if all(ended) and not asked:
            raise Refused("not_running", "all of them have ended, and nothing waits for an answer", "rc ls shows them")
        return exits.DONE if asked else None
    if asked:
        return exits.APPROVAL_OPEN
    if wish == "exit":
        return exits.DONE if all(ended) else None
    resting = (gone or session.get("turn") == "idle" for session, gone in zip(sessions, ended, strict=True))
    return exits.DONE if all(resting) else None


VERBS = {"wait": Verb(_arguments, _wait)}
