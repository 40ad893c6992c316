"""Verbs that show sessions: `ls`, `show`, `path`, `session`."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from supervisor.cli import client as clients
from supervisor.cli import describe, exits, printing, qrprint
from supervisor.cli.address import is_terminal
from supervisor.cli.arguments import Parser, Verb, add_sessions_or_own, duration, nothing
from supervisor.cli.lookup import Done, each, find, pages
from supervisor.core.links import best
from workers.core.lifecycle import State
from workers.errors import Refused

STATES = [state.value for state in State]


def _ls_arguments(parser: Parser) -> None:
    parser.add_argument("-a", "--all", action="store_true", help="archived ones too")
    parser.add_argument("--mine", action="store_true", help="only my own")
    parser.add_argument("--project", metavar="P", help="only those of this project (id or path)")
    parser.add_argument("--agent", metavar="A", help="only those of this agent")
    parser.add_argument("--state", metavar="S", choices=STATES, help="only those in this state")
    parser.add_argument("--since", metavar="TIME", help="only those made since then: 2h, 7d, or a date")
    parser.add_argument("--search", metavar="TEXT", help="only those with this text in name or branch")


def _ls(args: argparse.Namespace) -> int:
    client = clients.of(args)
    project = args.project
    if project and os.path.isdir(project) and (os.sep in project or project in (".", "..")):
        project = os.path.abspath(project)
    query: dict[str, object] = {
        "state": args.state,
        "project": project,
        "q": args.search,
        "since": since(args.since) if args.since else None,
        "archived": "true" if args.all else None,
    }
    answer = pages(client, query)
    answer["sessions"] = _mine_and_agent(client, answer["sessions"], args)
    if args.json:
        printing.value(answer)
    elif answer["sessions"]:
        printing.table(describe.HEADS, map(describe.row, answer["sessions"]))
    else:
        narrowed = any((args.mine, args.project, args.agent, args.state, args.since, args.search))
        printing.note("no session is like that; rc ls -a shows all" if narrowed else "no sessions; rc new starts one")
    return exits.DONE


def _mine_and_agent(
    client: clients.Client, sessions: list[dict[str, Any]], args: argparse.Namespace
) -> list[dict[str, Any]]:
    if args.agent:
        sessions = [session for session in sessions if session.get("agent") == args.agent]
    if args.mine:
        me = (client.get("/v1/box").get("you") or {}).get("person")
        sessions = [session for session in sessions if (session.get("created_by") or {}).get("person") == me]
    return sessions


def since(text: str) -> str:
    """The time that `2h`, `7d` or an RFC 3339 date means, as the API takes it. Raises Refused."""
    try:
        then = datetime.now(UTC) - timedelta(seconds=duration(text))
    except ValueError:
        try:
            then = datetime.fromisoformat(text).astimezone(UTC)
        except ValueError:
            raise Refused("invalid", f"{text!r} is no time", "write 2h, 7d or 2026-03-01T12:00:00Z") from None
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _show(args: argparse.Namespace) -> int:
    client = clients.of(args)
    return each(args, lambda wanted: Done(session := find(client, wanted), describe.in_full(session)))


def _path(args: argparse.Namespace) -> int:
    client = clients.of(args)

    def path(wanted: str) -> Done:
        session = find(client, wanted)
        if session["workspace"] is None:
            detail = f"{session['name']} works where its remote worker runs"
            raise Refused("invalid_state", detail, "look there", status=409)
        return Done({"path": session["workspace"]}, session["workspace"])

    return each(args, path)


def _session(args: argparse.Namespace) -> int:
    id = os.environ.get("RC_SESSION_ID")
    if not id:
        hint = "rc new starts a session, rc run AGENT starts one here and stays attached"
        raise Refused("unknown_session", "this is not inside a session", hint)
    session = clients.of(args).get(clients.session_path(id))
    if args.json:
        printing.value(session)
        return exits.DONE
    url = session.get("url")
    printing.line(url or f"rc attach {session['name']}")
    offer = best([url] if url else [])
    if offer is not None and offer.for_others:
        qrprint.show(url)
    elif offer is not None and is_terminal(1):
        printing.note(f"no QR: {offer.advice[0]}")
    return exits.DONE


VERBS = {
    "ls": Verb(_ls_arguments, _ls),
    "show": Verb(add_sessions_or_own, _show),
    "path": Verb(add_sessions_or_own, _path),
    "session": Verb(nothing, _session),
}
