"""Verbs that change sessions: stop, suspend, resume, archive, delete, restore, rename, interrupt."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from supervisor.cli import client as clients
from supervisor.cli import describe, exits, printing
from supervisor.cli.arguments import Parser, Verb, add_session, add_sessions
from supervisor.cli.lookup import Done, Session, all_sessions, choose, each, find, is_id
from workers.errors import Refused


def _posting(verb: str) -> Callable[[argparse.Namespace], int]:
    """A verb that is one POST per session and answers with the session."""

    def run(args: argparse.Namespace) -> int:
        client = clients.of(args)

        def act(wanted: str) -> Done:
            session = client.post(clients.session_path(find(client, wanted)["id"], verb))
            return Done(session, describe.short(session))

        return each(args, act)

    return run


def _suspend(args: argparse.Namespace) -> int:
    client = clients.of(args)

    def suspend(wanted: str) -> Done:
        session = find(client, wanted)
        answer = client.post(clients.session_path(session["id"], "suspend"))
        note = f"the program of {session['name']} has ended, its tree stays; rc resume starts it again"
        return Done(answer, describe.short(answer), note if session.get("terminal") else "")

    return each(args, suspend)


def _delete_arguments(parser: Parser) -> None:
    add_sessions(parser)
    parser.add_argument("--keep-branch", action="store_true", help="leave the session's branch where it is")


def _delete(args: argparse.Namespace) -> int:
    client = clients.of(args)
    body = {"keep_branch": True} if args.keep_branch else {}

    def delete(wanted: str) -> Done:
        session = find(client, wanted)
        answer = client.ask("DELETE", clients.session_path(session["id"]), body=body)
        return Done(answer, _deleted(session, answer or {}))

    return each(args, delete)


def _deleted(session: Session, answer: dict[str, Any]) -> str:
    parts = [f"{session['name']} is deleted"]
    if answer.get("archived_ref"):
        parts.append(f"kept as {answer['archived_ref']}")
    if answer.get("restorable_until"):
        parts.append(f"rc restore {session['id']} brings it back until {answer['restorable_until']}")
    return "; ".join(parts)


def _restore(args: argparse.Namespace) -> int:
    client = clients.of(args)

    def restore(wanted: str) -> Done:
        session = client.post(clients.session_path(_put_away(client, wanted), "restore"))
        return Done(session, describe.short(session), session.get("notice", ""))

    return each(args, restore)


def _put_away(client: clients.Client, wanted: str) -> str:
    """The id of an archived or deleted session; where a live one has the same name, the one put away is meant."""
    if is_id(wanted):
        return wanted
    deleted = [as_session(entry) for entry in client.get("/v1/trash", sizes="false").get("trash", [])]
    known = all_sessions(client)
    away = [*deleted, *(session for session in known if session.get("archived"))]
    try:
        return str(choose(wanted, away, lambda: None)["id"])
    except Refused as refused:
        if refused.code != "unknown_session":
            raise
        return str(choose(wanted, known, lambda: None)["id"])  # the box says why this one is not to be restored


def as_session(entry: dict[str, Any]) -> Session:
    """A row of the trash as far as a look-up needs it to be a session."""
    return {"id": entry.get("id"), "name": entry.get("name"), "archived": True}


def _rename_arguments(parser: Parser) -> None:
    add_session(parser)
    parser.add_argument("name", metavar="NAME", help="1 to 64 letters, digits, spaces and - _ . # /")


def _rename(args: argparse.Namespace) -> int:
    client = clients.of(args)
    answer = client.ask("PATCH", clients.session_path(find(client, args.session)["id"]), body={"name": args.name})
    if args.json:
        printing.value(answer)
    else:
        printing.line(describe.short(answer))
    return exits.DONE


def _interrupt(args: argparse.Namespace) -> int:
    client = clients.of(args)
    body = {"kind": "interrupt"}
    return each(
        args, lambda wanted: Done(client.post(clients.session_path(find(client, wanted)["id"], "commands"), body))
    )


VERBS = {
    "stop": Verb(add_sessions, _posting("stop")),
    "suspend": Verb(add_sessions, _suspend),
    "resume": Verb(add_sessions, _posting("resume")),
    "archive": Verb(add_sessions, _posting("archive")),
    "delete": Verb(_delete_arguments, _delete),
    "restore": Verb(add_sessions, _restore),
    "rename": Verb(_rename_arguments, _rename),
    "interrupt": Verb(add_sessions, _interrupt),
}
