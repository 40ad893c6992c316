"""Verbs about the box as a whole: `status`, `mode`, `capacity`, `version`."""

from __future__ import annotations

import argparse
from importlib import metadata
from typing import Any

from supervisor.cli import client as clients
from supervisor.cli import exits, printing, settingwords
from supervisor.cli.arguments import Parser, Verb, nothing, number
from supervisor.cli.lookup import all_sessions
from supervisor.core.options import CAPACITY_MAX, SWITCHABLE_MODES
from workers.errors import Broken, Refused


def _status(args: argparse.Namespace) -> int:
    client = clients.of(args)
    box = client.get("/v1/box")
    if args.json:
        printing.value(box)
        return exits.DONE
    printing.line(f"{box['name']}  {' '.join(box['urls'])}")
    printing.line(f"version {box['version']}, start {box['epoch']}, {client.transport.name}")
    printing.line(f"mode {box['spawn_mode']}, capacity {box['used']}/{box['capacity']}")
    if (box.get("you") or {}).get("role") != "agent":
        printing.line(_counted(all_sessions(client, archived=None)))
    for notice in box.get("notices") or ():
        printing.line(f"notice: {notice}")
    _tell_projects(box["projects"])
    _tell_agents(box["agents"])
    if box.get("settings"):
        printing.block("")
        printing.table(settingwords.HEADS, map(settingwords.row, box["settings"]))
    return exits.DONE


def _counted(sessions: list[dict[str, Any]]) -> str:
    states = [str(session["state"]) for session in sessions]
    each = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return f"{printing.count(len(sessions), 'session')}{': ' + each if each else ''}"


def _tell_projects(projects: list[dict[str, Any]]) -> None:
    for project in projects:
        git = f"git, on {project['branch'] or 'no branch'}" if project["git"] else "not a git repository"
        printing.line(f"project {project['id']}: {project['path']} ({git})")


def _tell_agents(agents: list[dict[str, Any]]) -> None:
    told = (agent["name"] if agent["available"] else f"{agent['name']} ({agent['why']})" for agent in agents)
    printing.line(f"agents: {', '.join(told)}")


def _mode_arguments(parser: Parser) -> None:
    parser.add_argument("mode", nargs="?", choices=SWITCHABLE_MODES, help="where new sessions work from now on")


def _mode(args: argparse.Namespace) -> int:
    return _look_or_change(args, "spawn_mode", args.mode)


def _capacity_arguments(parser: Parser) -> None:
    parser.add_argument(
        "capacity", nargs="?", type=number(1, CAPACITY_MAX), metavar="N", help="how many sessions may run"
    )


def _capacity(args: argparse.Namespace) -> int:
    return _look_or_change(args, "capacity", args.capacity)


def _look_or_change(args: argparse.Namespace, field: str, wanted: object) -> int:
    client = clients.of(args)
    box = client.get("/v1/box") if wanted is None else client.ask("PATCH", "/v1/box", body={field: wanted})
    if args.json:
        printing.value(box)
    elif field == "capacity":
        printing.line(f"{box['used']}/{box['capacity']}")
    else:
        printing.line(box[field])
    return exits.DONE


def _version(args: argparse.Namespace) -> int:
    ours = metadata.version("rcbox")
    try:
        box = clients.of(args).get("/v1/box")["version"]
    except (Refused, Broken):  # no box is no reason not to know our own
        box = None
    if args.json:
        printing.value({"version": ours, "box": box})
    else:
        printing.line(f"rc {ours}" if box in (None, ours) else f"rc {ours}, the box runs {box}; rc restart renews it")
    return exits.DONE


VERBS = {
    "status": Verb(nothing, _status),
    "mode": Verb(_mode_arguments, _mode),
    "capacity": Verb(_capacity_arguments, _capacity),
    "version": Verb(nothing, _version),
}
