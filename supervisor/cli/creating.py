"""Verbs that make sessions: `new`, `run`, `connect`."""

from __future__ import annotations

import argparse
import os
from typing import Any

from supervisor.cli import describe, exits, printing
from supervisor.cli.address import is_terminal
from supervisor.cli.arguments import Parser, Verb, usage
from supervisor.cli.client import SESSIONS, Client, given
from supervisor.cli.lookup import Session, all_sessions
from supervisor.cli.starting import add_no_start, running_box
from supervisor.core.options import SWITCHABLE_MODES
from workers.core.lifecycle import HOLDS_SLOT, State
from workers.errors import Refused

LIVE = HOLDS_SLOT - {State.STOPPING}  # nobody is taken to a session that is about to end
CONNECT = "connect"


def _wish_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("--project", metavar="P", help="id or path; else the project around the current directory, else the first")
    add("--name", metavar="N", help="what to call it; else <agent>-<n>")
    add("--spawn", choices=SWITCHABLE_MODES, help="where it works, instead of the box's mode")
    add("--worker", choices=("local", "remote"), help="remote: it waits for rc worker, on whatever machine")
    add("--base", metavar="REF", help="what a worktree starts from: fresh, head, or any ref")
    add("--env", metavar="K=V", action="append", default=[], help="a variable for the agent; repeatable")
    add_no_start(parser)


def _new_arguments(parser: Parser) -> None:
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="what to tell the agent first")
    parser.add_argument("--agent", metavar="A", help="which agent; else the box's default")
    _wish_arguments(parser)
    parser.add_argument("--attach", action="store_true", help="stay attached; the exit code is then the agent's")
    add_allow(parser)


def add_allow(parser: Parser) -> None:
    """`--allow`, as `rc attach` has it."""
    parser.add_argument("--allow", metavar="WHAT,…", default="", help="see rc attach")


def _new(args: argparse.Namespace) -> int:
    if args.command == []:
        raise usage("there is no command behind --", "rc new -- COMMAND…")
    client = running_box(args)
    session = _create(client, _wish(client, args, agent=args.agent, prompt=args.prompt, command=args.command))
    if args.attach:
        return _stay(client, session, args, agents_code=True)
    if args.json:
        printing.value(session)
    else:
        printing.line(describe.short(session), "", session["workspace"] or "")
        if is_terminal(1):
            printing.note(f"rc attach {session['name']} shows it")
    return exits.DONE


def _wish(client: Client, args: argparse.Namespace, **more: object) -> dict[str, object]:
    size = _size()
    return given(
        project=_project(client, args.project),
        name=args.name,
        spawn_mode=args.spawn,
        base=args.base,
        worker=args.worker,
        env=_environment(args.env) or None,
        rows=size[0] if size else None,
        columns=size[1] if size else None,
        **more,
    )


def _project(client: Client, named: str | None) -> str | None:
    """What was named as the box knows it: a path on this machine means nothing to a box elsewhere."""
    return os.path.abspath(named) if named and client.transport.is_here and os.path.isdir(named) else named


def _create(client: Client, wish: dict[str, object]) -> Session:
    if "project" not in wish and client.transport.is_here:
        around = project_around(client.get("/v1/box")["projects"], os.getcwd())
        if around is not None:
            wish["project"] = around
    return dict(client.post(SESSIONS, wish))


def project_around(projects: list[dict[str, Any]], here: str) -> str | None:
    """The id of the project whose directory `here` is in, the innermost where several are; None outside of all."""
    real = os.path.realpath(here)
    around = [each for each in projects if os.path.commonpath([real, each["path"]]) == each["path"]]
    return max(around, key=lambda each: len(each["path"]), default={"id": None})["id"]


def _environment(words: list[str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    if wrong := next((word for word, (name, sign, _) in zip(words, pairs, strict=True) if not (name and sign)), None):
        raise usage(f"--env {wrong} is not K=V", "rc new --env NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _size() -> tuple[int, int] | None:
    """The asker's terminal in cells: a session that is looked at from here may as well begin at this size."""
    try:
        columns, rows = os.get_terminal_size(1)
    except OSError:
        return None
    return (rows, columns) if rows and columns else None


def _stay(client: Client, session: Session, args: argparse.Namespace, agents_code: bool) -> int:
    from supervisor.cli import attaching, following  # trio, which making a session does not need

    outcome = attaching.attach(client, session, allow=attaching.allowed(args), to_the_end=agents_code)
    attaching.tell(session, outcome, args.json)
    code = attaching.exit_code(outcome)
    return code if agents_code or outcome.how != following.ENDED else exits.DONE


def _run_arguments(parser: Parser) -> None:
    parser.add_argument("agent", metavar="AGENT", help="which agent")
    words = parser.add_argument("words", nargs=argparse.REMAINDER, metavar="ARGS", help="for the agent")
    words.required = False
    _wish_arguments(parser)
    add_allow(parser)


def _run(args: argparse.Namespace) -> int:
    client = running_box(args)
    box = client.get("/v1/box")
    words = args.words[1:] if args.words[:1] == ["--"] else args.words
    program = _program(box, args.agent)  # before anything is changed for an agent that there is not
    command = [*program, *words] if words else None
    wish = _wish(client, args, agent=args.agent, command=command)
    is_new = client.transport.is_here and project_around(box["projects"], os.getcwd()) is None
    if args.project is None and is_new:
        project = client.post("/v1/projects", {"path": os.getcwd()})
        printing.note(f"this box serves {project['path']} from now on; rc project remove {project['id']} undoes it")
    return _stay(client, _create(client, wish), args, agents_code=True)


def _program(box: dict[str, Any], agent: str) -> list[str]:
    """What arguments are put behind. Raises Refused `unknown_agent`."""
    row = next((row for row in box["agents"] if row["name"] == agent), None)
    if row is None:
        known = ", ".join(row["name"] for row in box["agents"])
        raise Refused("unknown_agent", f"there is no agent {agent}", f"this box knows {known}; rc new -- COMMAND")
    return list(row["command"]) or [agent]


def _connect_arguments(parser: Parser) -> None:
    parser.add_argument("--new", action="store_true", help="a new one, even when there is one")
    add_no_start(parser)
    add_allow(parser)


def _connect(args: argparse.Namespace) -> int:
    client = running_box(args)
    session = None if args.new else _own(client)
    if session is None:
        size = _size() or (None, None)
        session = _create(client, given(made_by=CONNECT, rows=size[0], columns=size[1]))
    return _stay(client, session, args, agents_code=False)


def _own(client: Client) -> Session | None:
    """The newest live session that `connect` has made for whoever asks."""
    me = (client.get("/v1/box").get("you") or {}).get("person")
    own = [
        session
        for session in all_sessions(client, archived=None)
        if session.get("made_by") == CONNECT
        and session["state"] in LIVE
        and (session.get("created_by") or {}).get("person") == me
    ]
    return max(own, key=lambda session: str(session["created_at"]), default=None)


VERBS = {
    "new": Verb(_new_arguments, _new, command=True),
    "run": Verb(_run_arguments, _run, rest=True),
    "connect": Verb(_connect_arguments, _connect),
}
