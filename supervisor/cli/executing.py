"""`rc exec`: a program of one's own where a session works, on a terminal of its own."""

from __future__ import annotations

import argparse
import base64
import signal
from typing import Any

import trio

from supervisor.cli import client as clients
from supervisor.cli import exits, ownterminal, printing
from supervisor.cli.address import is_terminal
from supervisor.cli.arguments import Parser, Verb, add_session, usage
from supervisor.cli.lookup import find
from supervisor.cli.outputfilter import CATEGORIES, Filter
from supervisor.cli.screenmodes import ScreenModes
from supervisor.client.line import Line, opened, run
from workers.errors import Refused

OUTPUT, HEAD = 1, 9  # the first octet of a binary message, and the octets before the terminal's own
END_OF_INPUT = b"\x04"  # what a terminal makes the end of input of, at the beginning of a line
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def _arguments(parser: Parser) -> None:
    add_session(parser)
    parser.add_argument("words", nargs="*", metavar="COMMAND", help="the program and its arguments, behind --")


def _exec(args: argparse.Namespace) -> int:
    command = [*args.words, *(args.command or [])]
    if not command:
        raise usage("there is no command to run", "rc exec S -- COMMAND…")
    client = clients.of(args)
    session = find(client, args.session)["id"]
    size = ownterminal.size()
    wish = clients.given(
        command=command,
        rows=size[0] if size else None,
        columns=size[1] if size else None,
        plain=None if is_terminal(ownterminal.STDIN) else True,  # what is piped in is not to come out a second time
    )
    ticket = client.post(clients.session_path(session, "exec"), wish)["ticket"]
    program = Program(safe=args.json or not is_terminal(ownterminal.STDOUT), as_json=args.json)
    with ownterminal.raw():
        try:
            code = run(program.run, client, clients.session_path(session, "exec"), ticket)
        finally:
            program.give_back()
    if args.json:
        printing.value({"type": "exit", **program.ended})
    return code


class Program:
    """`safe`: what it prints goes to no terminal, so that nothing has to be kept from one. `as_json`: a value a line,
    as `rc logs --terminal` has them."""

    def __init__(self, safe: bool, as_json: bool = False) -> None:
        self._as_json = as_json
        self._filter = Filter(frozenset(CATEGORIES) if safe else frozenset())
        self._modes = None if safe else ScreenModes()
        self.ended: dict[str, Any] = {}
        self._code = exits.FAILED

    async def run(self, client: clients.Client, path: str, ticket: str) -> int:
        """Until it ends, or a signal ends us: the exit code."""
        async with opened(client, path, ticket=ticket) as line, trio.open_nursery() as together:
            together.start_soon(self._send_keys, line)
            together.start_soon(self._send_sizes, line)
            together.start_soon(self._heed_signals, together.cancel_scope)
            self._code = await self._read(line)
            together.cancel_scope.cancel()
        return self._code

    async def _read(self, line: Line) -> int:
        while True:
            message = await line.receive()
            if isinstance(message, bytes):
                if message[0] == OUTPUT and self._as_json:
                    data = base64.b64encode(message[HEAD:]).decode()
                    printing.value({"type": "terminal", "offset": int.from_bytes(message[1:HEAD]), "data": data})
                elif message[0] == OUTPUT:
                    await self._print(message[HEAD:])
            elif message["type"] == "exit":
                self.ended = {"code": message.get("code"), "signal": message.get("signal")}
                return exits.exit_of_agent(self.ended)
            elif message["type"] == "refused" and message.get("id") is None:
                error = message["error"]
                if error["code"] == "not_running":
                    continue  # keys came behind the program's end, which is told next
                printing.refuse(Refused(error["code"], error["detail"], error["hint"]), self._as_json)

    async def _print(self, data: bytes) -> None:
        kept = self._filter.feed(data)
        if self._modes is not None:
            self._modes.feed(kept)
        await ownterminal.write(kept)

    async def _send_keys(self, line: Line) -> None:
        last = b"\n"
        while data := await ownterminal.read():
            await line.send_keys(data)
            last = data[-1:]
        # At the end of a line once; behind words the first only hands those over.
        await line.send_keys(END_OF_INPUT if last in (b"\n", b"\r") else END_OF_INPUT * 2)

    async def _send_sizes(self, line: Line) -> None:
        with trio.open_signal_receiver(signal.SIGWINCH) as received:
            async for _ in received:
                size = ownterminal.size()
                if size is not None:
                    await line.command("size", "resize", rows=size[0], columns=size[1])

    async def _heed_signals(self, everything: trio.CancelScope) -> None:
        with trio.open_signal_receiver(*ENDING) as received:
            async for number in received:
                self._code = exits.SIGNALLED + number
                everything.cancel()
                return

    def give_back(self) -> None:
        if self._modes is not None:
            ownterminal.write_last(self._modes.way_back())


VERBS = {"exec": Verb(_arguments, _exec, command=True)}
