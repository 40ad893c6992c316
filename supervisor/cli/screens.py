"""`rc top`, the status screen of a box that runs, and `rc doctor`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from supervisor.cli import client as clients
from supervisor.cli import exits, printing, settingwords
from supervisor.cli.arguments import Parser, Verb, nothing, usage
from supervisor.foreground import can_show
from supervisor.serveoptions import ServeOptions
from workers.errors import Refused


def _top(args: argparse.Namespace) -> int:
    from supervisor.client.line import run

    client = clients.of(args)
    # Whoever may not look is told so before anything else: the box follows nobody's agent.
    if (client.get("/v1/box").get("you") or {}).get("role") == "agent":
        raise Refused(
            "not_allowed",
            "a program inside a session may look at its own session, and at no other",
            "run it in a terminal outside every session",
        )
    if not can_show():
        if can_show(term="any"):
            raise usage("rc top cannot tell from TERM how to draw here", "set it, as in: TERM=xterm-256color rc top")
        raise usage("rc top needs a terminal in front of somebody", "rc ls and rc status need none")
    run(show, client)
    return exits.DONE


async def show(client: clients.Client) -> None:
    import trio

    from supervisor.cli.boxdeeds import BoxDeeds
    from supervisor.client.boxstream import UPDATES, follow_box
    from supervisor.statusscreen import StatusScreen

    told, updates = trio.open_memory_channel[Mapping[str, Any]](UPDATES)
    deeds = BoxDeeds(client)
    screen = StatusScreen(updates, deeds)
    async with trio.open_nursery() as following:
        following.start_soon(follow_box, client, told)
        await screen.run()
        following.cancel_scope.cancel()
    if screen.invitation is not None:  # nobody sees any more who claims it
        with suppress(Refused):
            await deeds.call_off(screen.invitation["id"])


def _doctor_arguments(parser: Parser) -> None:
    parser.add_argument("--agent", metavar="A", help="what this agent would find in its environment, masked")
    parser.add_argument("--config", metavar="FILE", help="settings, instead of ~/.config/rc/box.toml")


def _doctor(args: argparse.Namespace) -> int:
    from supervisor import doctor

    flags = ServeOptions(state_dir=args.state_dir, config=args.config)
    if args.agent:
        found = doctor.environment_of(args.agent, flags, os.environ)
        if args.json:
            printing.value(found)
        for name, value in [] if args.json else sorted(found.items()):
            printing.line(f"{name}={value}")
        return exits.DONE
    report = doctor.examine(flags, os.environ)
    if args.json:
        printing.value(report)
    else:
        for line in doctor.lines(report):
            printing.line(line)
        if report["settings"]:
            printing.block("\n")
            printing.table(settingwords.HEADS, map(settingwords.row, report["settings"]))
    return exits.DONE if report["ok"] else exits.FAILED


VERBS = {"top": Verb(nothing, _top), "doctor": Verb(_doctor_arguments, _doctor)}
