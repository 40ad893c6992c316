"""`rc logs`: what a session has told, as events or as its terminal's output."""

from __future__ import annotations

import argparse
import base64
import codecs
import sys
from collections.abc import Callable, Iterator
from typing import Any

from supervisor.cli import client as clients
from supervisor.cli import exits, narrating, printing
from supervisor.cli.arguments import Parser, Verb, add_session_or_own, number
from supervisor.cli.lookup import Session, find
from supervisor.client import sse
from supervisor.core.printable import visible_block
from workers.core.lifecycle import ENDED as ENDED_STATES
from workers.errors import Refused

PAGE = 1000  # events of one answer, the most that the API gives
MARGIN = "\n" + " " * 22  # under the words of `narrating.log_line`


def _arguments(parser: Parser) -> None:
    add_session_or_own(parser)
    add = parser.add_argument
    add("-f", "--follow", action="store_true", help="go on until the session ends")
    add("--after", type=number(0, 10**9 - 1), metavar="SEQ", help="what follows this number (--terminal: this offset)")
    add("--terminal", action="store_true", help="the terminal's output instead of the events")
    add("--raw", action="store_true", help="control characters as they are")


def _logs(args: argparse.Namespace) -> int:
    client = clients.of(args)
    session = find(client, args.session)
    if args.terminal:
        if not session.get("terminal"):
            raise Refused("invalid", f"{session['name']} has no terminal", "leave --terminal out")
        _print_output(_followed_output if args.follow else _output, client, session, args)
    elif args.follow:
        for event in _followed_events(client, session, args.after or 0):
            _print_event(event, args)
            sys.stdout.flush()
    else:
        _print_events(client, session, args)
    return exits.DONE


# Events


def _print_events(client: clients.Client, session: Session, args: argparse.Namespace) -> None:
    answer: dict[str, Any] = {}
    for page in _pages(client, session, args.after or 0):
        if args.json:
            events = [*answer.get("events", ()), *page["events"]]
            answer = {**page, **answer, "events": events, "last_seq": page["last_seq"]}
            continue
        if gap := page.get("gap"):
            printing.note(f"events {gap['from']} to {gap['to']} are no longer kept")
        for event in page["events"]:
            _print_event(event, args)
    if args.json:
        printing.value(answer)


def _pages(client: clients.Client, session: Session, after: int) -> Iterator[dict[str, Any]]:
    """Pages up to the event that is the last when this begins: somebody may go on talking."""
    path = clients.session_path(session["id"], "events")
    page = client.get(path, after=after, limit=PAGE)
    end = page["last_seq"]
    yield page
    while page["events"] and page["events"][-1]["seq"] < end:
        page = client.get(path, after=page["events"][-1]["seq"], limit=PAGE)
        yield page


def _followed_events(client: clients.Client, session: Session, after: int) -> Iterator[dict[str, Any]]:
    """Until the session has ended. What `hello` says of that holds; events that it counts already are the past."""
    seq, told, ended = after, 0, False
    for message in sse.follow(client, clients.session_path(session["id"], "stream"), None, after=after):
        kind = message["type"]
        if kind == "hello":
            told, ended = int(message["last_seq"]), message["session"]["state"] in ENDED_STATES
        elif kind == "event":
            seq = int(message["seq"])
            yield message
            if seq > told and message["update"].get("sessionUpdate") == "_rc/process":
                ended = message["update"].get("state") in ENDED_STATES
        elif kind == "gap":
            printing.note(f"events {message['from']} to {message['to']} are no longer kept")
            seq = int(message["to"])
        if ended and seq >= told:
            return


def _print_event(event: dict[str, Any], args: argparse.Namespace) -> None:
    if args.json:
        printing.value(event)
        return
    line = narrating.log_line(event).rstrip("\n")
    text = line if args.raw else visible_block(line)
    sys.stdout.write(text.replace("\n", MARGIN) + "\n")


# Terminal output

Pieces = Iterator[tuple[int, bytes]]


def _output(client: clients.Client, session: Session, start: int) -> Pieces:
    """What is kept from `start` on, in pieces with their offsets, up to where it ends when this begins."""
    path, end = clients.session_path(session["id"], "terminal"), int(session["terminal"]["offset"])
    at = start
    while at < end:
        with client.answer("GET", path, query={"from": at}) as answer:
            first, data = int(answer.headers["Rc-Terminal-Start"]), answer.read()
        if first > at:
            printing.note(f"the output from {at} to {first} is no longer kept")
        if not data:
            return
        yield first, data
        at = first + len(data)


def _followed_output(client: clients.Client, session: Session, start: int) -> Pieces:
    at, end = start, None
    query = {"terminal_after": start, "catch_up": "all"}
    for message in sse.follow(client, clients.session_path(session["id"], "stream"), None, **query):
        kind = message["type"]
        if kind == "hello" and message["session"]["state"] in ENDED_STATES:
            end = int(message["session"]["terminal"]["offset"])
        elif kind == "terminal":
            data = base64.b64decode(message["data"])
            at = int(message["offset"]) + len(data)
            yield int(message["offset"]), data
        elif kind == "terminal_gap":
            printing.note(f"the output from {message['from']} to {message['to']} is no longer kept")
            at = int(message["to"])
        elif kind == "event" and message["update"].get("sessionUpdate") == "_rc/process":
            update = message["update"]
            end = int(update.get("terminal_offset") or at) if update["state"] in ENDED_STATES else None
        if end is not None and at >= end:
            return


def _print_output(
    source: Callable[[clients.Client, Session, int], Pieces],
    client: clients.Client,
    session: Session,
    args: argparse.Namespace,
) -> None:
    lines = _Lines()
    for offset, data in source(client, session, args.after or 0):
        if args.json:
            text = base64.b64encode(data).decode()
            printing.value({"type": "terminal", "offset": offset, "data": text})
        elif args.raw:
            sys.stdout.buffer.write(data)
        else:
            sys.stdout.write(visible_block(lines.feed(data)))
        sys.stdout.flush()
    sys.stdout.write(visible_block(lines.feed(b"", final=True)))


class _Lines:
    """Text of a terminal's octets, its line breaks as a file has them, wherever the pieces are cut."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""

    def feed(self, data: bytes, final: bool = False) -> str:
        text = self._held + self._decoder.decode(data, final)
        self._held = "\r" if text.endswith("\r") and not final else ""
        return text[: len(text) - len(self._held)].replace("\r\n", "\n")


VERBS = {"logs": Verb(_arguments, _logs)}
