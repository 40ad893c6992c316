"""`rc send`: a prompt for a session, and with `--wait` the answer."""

from __future__ import annotations

import argparse
import sys
import uuid
from dataclasses import dataclass, field
from typing import Any

from supervisor.cli import client as clients
from supervisor.cli import exits, printing
from supervisor.cli.address import is_terminal
from supervisor.cli.arguments import Parser, Verb, add_session, usage
from supervisor.cli.lookup import Session, find
from supervisor.cli.narrating import text_of
from supervisor.client import sse
from workers.errors import Refused


def _arguments(parser: Parser) -> None:
    add_session(parser)
    parser.add_argument(
        "text", nargs="*", default=[], metavar="TEXT", help="what to say; - or nothing: what comes on stdin"
    )
    parser.add_argument("--file", metavar="F", help="say what is in this file")
    parser.add_argument("--wait", action="store_true", help="wait until the turn ends, and print the answer")


def _send(args: argparse.Namespace) -> int:
    text = _text(args)
    if not text:
        raise usage("there is nothing to send", "give a TEXT, --file F, or something on stdin")
    client = clients.of(args)
    session = find(client, args.session)
    if args.wait and session.get("terminal"):
        detail = f"{session['name']} is a terminal, which has no turns that end"
        raise Refused("invalid", detail, "leave --wait out, and see rc logs --terminal")
    message_id = str(uuid.uuid4())
    command = {"kind": "prompt", "text": text, "message_id": message_id}
    accepted = client.post(clients.session_path(session["id"], "commands"), command)
    if not args.wait:
        if args.json:
            printing.value(accepted)
        return exits.DONE
    return _answer(client, session, int(accepted["seq"]), message_id, args.json)


def _text(args: argparse.Namespace) -> str:
    if args.file is not None:
        if args.text:
            raise usage("both TEXT and --file say what to send", "give one of them")
        try:
            with open(args.file, encoding="utf-8") as file:
                return file.read()
        except (OSError, UnicodeDecodeError) as error:
            cause = getattr(error, "strerror", None) or "it is not UTF-8"
            raise usage(f"{args.file} cannot be read: {cause}", "name a text file") from error
    if args.text and args.text != ["-"]:
        return " ".join(args.text)
    if not args.text and is_terminal(0):
        raise usage("nothing to send", "give a TEXT, --file F, or - to type it here")
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise usage("what comes on stdin is not UTF-8", "send text") from error


@dataclass
class Turn:
    """What has been told of one message's turn."""

    message_id: str
    state: str = "queued"
    words: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return self.state in ("completed", "cancelled")

    def take(self, event: dict[str, Any]) -> None:
        update = event["update"]
        kind = update.get("sessionUpdate")
        if kind == "_rc/message_state" and update.get("message_id") == self.message_id:
            self.state = str(update.get("state"))
        elif kind == "agent_message_chunk" and self.state == "started":
            self.words.append(text_of(update))


def _answer(client: clients.Client, session: Session, seq: int, message_id: str, as_json: bool) -> int:
    turn = Turn(message_id)
    path = clients.session_path(session["id"], "stream")
    for message in sse.follow(client, path, None, after=seq):
        if message["type"] == "event":
            turn.take(message)
        elif message["type"] in ("gap", "history_changed"):
            raise Refused("failed", "the answer is no longer kept", f"rc logs {session['name']} shows what is")
        if turn.is_over:
            break
    answer = "".join(turn.words)
    if as_json:
        printing.value({"seq": seq, "message_id": message_id, "state": turn.state, "answer": answer})
    else:
        printing.block(answer)
    if turn.state == "cancelled":
        if not as_json:
            printing.note(f"the turn of {session['name']} was cancelled; rc logs {session['name']} shows why")
        return exits.FAILED
    return exits.DONE


VERBS = {"send": Verb(_arguments, _send)}
