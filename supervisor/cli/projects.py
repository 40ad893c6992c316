"""`rc project ls|add|remove`: the directories that a box serves."""

from __future__ import annotations

import argparse
import os
from typing import Any
from urllib.parse import quote

from supervisor.cli import client as clients
from supervisor.cli import exits, printing
from supervisor.cli.arguments import Parser, Verb, usage
from workers.errors import Refused


def _arguments(parser: Parser) -> None:
    parser.add_argument("what", choices=("ls", "add", "remove"), metavar="ls|add|remove")
    parser.add_argument("projects", nargs="*", default=[], metavar="PROJECT", help="a directory, for remove also an id")


def _project(args: argparse.Namespace) -> int:
    client = clients.of(args)
    if args.what == "ls":
        return _ls(client, args)
    if not args.projects:
        raise usage(f"rc project {args.what} without a PROJECT", "name a directory")
    act = _add if args.what == "add" else _remove
    answers = [act(client, named) for named in args.projects]
    if args.json:
        printing.value(answers[0] if len(answers) == 1 else {"results": answers})
        return exits.DONE
    for project in answers:
        said = "is served as" if args.what == "add" else "is no longer served; its sessions go on; it was"
        printing.line(f"{project['path']} {said} {project['id']}")
    return exits.DONE


def _ls(client: clients.Client, args: argparse.Namespace) -> int:
    if args.projects:
        raise usage("rc project ls takes no PROJECT")
    answer = client.get("/v1/projects")
    if args.json:
        printing.value(answer)
        return exits.DONE
    rows = (
        [each["id"], each["path"], each["branch"] or ("-" if each["git"] else "no git")] for each in answer["projects"]
    )
    printing.table(("ID", "PATH", "BRANCH"), rows)
    return exits.DONE


def _add(client: clients.Client, path: str) -> Any:
    return client.post("/v1/projects", {"path": os.path.abspath(path) if client.transport.is_here else path})


def _remove(client: clients.Client, named: str) -> Any:
    """By id, or by the path of a directory, which may be gone."""
    known = client.get("/v1/projects")["projects"]
    path = os.path.realpath(named) if client.transport.is_here else named
    found = next((each for each in known if each["id"] == named), None)
    found = found or next((each for each in known if each["path"] == path), None)
    if found is None:
        raise Refused("unknown_project", f"this box does not serve {named}", "rc project ls shows what it serves")
    return client.ask("DELETE", f"/v1/projects/{quote(str(found['id']), safe='')}")


VERBS = {"project": Verb(_arguments, _project)}
