"""`rc attach`, and the staying attached of `rc new --attach`, `rc run` and `rc connect`."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from supervisor.cli import client as clients
from supervisor.cli import describe, exits, ownterminal, printing
from supervisor.cli.arguments import Parser, Verb, add_session, usage
from supervisor.cli.conversation import Conversation
from supervisor.cli.following import DETACHED, ENDED, SIGNALLED, Outcome, follow
from supervisor.cli.keyboard import Keyboard
from supervisor.cli.lookup import Session, find
from supervisor.cli.outputfilter import CATEGORIES
from supervisor.cli.terminalview import TerminalView
from supervisor.client.line import run

ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def add_allow(parser: Parser) -> None:
    help = f"sequences of the session that may reach your terminal: {', '.join(CATEGORIES)}"
    parser.add_argument("--allow", metavar="WHAT,…", default="", help=help)


def allowed(args: argparse.Namespace) -> frozenset[str]:
    """The categories in `--allow`. Raises Refused for one that is none."""
    named = frozenset(filter(None, args.allow.split(",")))
    if not named <= set(CATEGORIES):
        raise usage(
            f"--allow knows no {', '.join(sorted(named - set(CATEGORIES)))}", f"it knows {', '.join(CATEGORIES)}"
        )
    return named


def _arguments(parser: Parser) -> None:
    add_session(parser)
    parser.add_argument("--view", action="store_true", help="look only: nothing that is typed goes there")
    add_allow(parser)


def _attach(args: argparse.Namespace) -> int:
    allow = allowed(args)
    client = clients.of(args)
    session = find(client, args.session)
    outcome = attach(client, session, view=args.view, allow=allow)
    tell(session, outcome, args.json)
    return exits.SIGNALLED + outcome.signal if outcome.how == SIGNALLED else exits.DONE


def attach(
    client: clients.Client,
    session: Session,
    view: bool = False,
    allow: frozenset[str] = frozenset(),
    to_the_end: bool = False,
) -> Outcome:
    """Stay at a session until it ends, or the person leaves. The terminal is as before when this returns or raises.

    Where stdin is no terminal its end leaves too, but `to_the_end` stays at a program, from its first octet on.
    Raises Refused, Broken.
    """
    if session.get("terminal") is None:
        return run(_at_conversation, client, session, view)
    return run(_at_terminal, client, session, view, allow, to_the_end)


async def _at_terminal(
    client: clients.Client, session: Session, view: bool, allow: frozenset[str], to_the_end: bool
) -> Outcome:
    keyboard = Keyboard(view, to_the_end)
    screen = TerminalView(session, keyboard, allow, to_the_end)

    async def watch_size() -> Outcome | None:
        with trio.open_signal_receiver(signal.SIGWINCH) as received:
            async for _ in received:
                keyboard.tell_size()
        return None

    with ownterminal.raw():
        try:
            return await _first_of(lambda: follow(client, session["id"], screen), keyboard.read, watch_size, _ended_by)
        finally:
            session["name"] = screen.name  # as it is called by now
            ownterminal.write_last(screen.way_back())


async def _at_conversation(client: clients.Client, session: Session, view: bool) -> Outcome:
    talk = Conversation(session, view)
    with talk.lines():
        return await _first_of(lambda: follow(client, session["id"], talk), talk.read_lines, talk.watch_signals)


async def _ended_by() -> Outcome | None:
    """The signal that ends us, in time to give the terminal back."""
    with trio.open_signal_receiver(*ENDING) as received:
        async for number in received:
            return Outcome(SIGNALLED, signal=number)
    return None


async def _first_of(*tasks: Callable[[], Awaitable[Outcome | None]]) -> Outcome:
    """The first outcome that any of them has; one that ends without is not waited for."""
    outcomes: list[Outcome] = []

    async def run_one(task: Callable[[], Awaitable[Outcome | None]]) -> None:
        outcome = await task()
        if outcome is not None:
            outcomes.append(outcome)
            together.cancel_scope.cancel()

    async with trio.open_nursery() as together:
        for task in tasks:
            together.start_soon(run_one, task)
    return outcomes[0]


def tell(session: Session, outcome: Outcome, as_json: bool) -> None:
    """Say how it ended: on stderr for people, as a value with `--json`."""
    if as_json:
        printing.value(_told(session, outcome))
    elif outcome.how == DETACHED:
        printing.note(f"detached; rc attach {session['name']} comes back")
    elif outcome.how == ENDED:
        again = f"; rc resume {session['name']} goes on" if outcome.state == "suspended" else ""
        printing.note(f"{session['name']} {outcome.state}: {describe.ending(outcome.exit)}{again}")


def _told(session: Session, outcome: Outcome) -> dict[str, Any]:
    exit = {name: outcome.exit.get(name) for name in ("code", "signal", "reason")} if outcome.exit else None
    return {"session": session["id"], "how": outcome.how, "state": outcome.state, "exit": exit}


def exit_code(outcome: Outcome) -> int:
    """For `run` and `new --attach`: the agent's own code, 0 when detached."""
    if outcome.how == ENDED:
        return exits.exit_of_agent(outcome.exit)
    return exits.SIGNALLED + outcome.signal if outcome.how == SIGNALLED else exits.DONE


VERBS = {"attach": Verb(_arguments, _attach)}
