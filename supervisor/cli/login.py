"""`rc login`: pair this device with a box, from the link or the code that the box shows."""

from __future__ import annotations

import argparse
import getpass
import os
import re
import socket
import sys

from supervisor.cli import exits, printing
from supervisor.cli.address import is_terminal
from supervisor.cli.arguments import Parser, Verb, usage
from supervisor.client import boxes, devicekeys
from supervisor.client.boxes import Known, changing, check_name
from supervisor.client.pairing import Invitation, Pairing, claim_with, read_link
from supervisor.client.signin import Key
from supervisor.core.pairing import LABEL_LIMIT, NONCE_OCTETS, b64u
from workers.errors import Refused

CA_MAX = 256 << 10  # octets; a certificate has two thousand


def _arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("url", metavar="URL", help="the link that rc pair shows, or the box's address; - reads it from stdin")
    add("--name", metavar="NAME", help="what to call the box here; else by its host")
    add("--label", metavar="TEXT", help="what the box is to call this device; else by account and host")
    add("--ca", metavar="FILE", help="trust this certificate (PEM) of the box, or its authority, and no other")
    add("--ssh-agent", metavar="KEY", help="an Ed25519 key of the ssh agent: its fingerprint, comment or .pub file")


def _login(args: argparse.Namespace) -> int:
    invitation = read_link(_line("link: ") if args.url == "-" else args.url)
    ca = _read_ca(args.ca) if args.ca else None
    there = boxes.read()
    name = check_name(args.name) if args.name else _name(there, invitation.origin)
    if name in there.by_name and there.by_name[name].url != invitation.origin:
        detail = f"{name} is the name of another box, {there.by_name[name].url}"
        raise Refused("name_taken", detail, "choose another with --name", exit=exits.REFUSED)
    key = _agent_key(args.ssh_agent) if args.ssh_agent else devicekeys.new_key()
    by = claim_with(invitation, None if invitation.secret else _code(args))
    os.makedirs(
        os.path.dirname(devicekeys.path_of(name)), mode=0o700, exist_ok=True
    )  # before anything is changed there
    pairing = Pairing(invitation, key, ca, os.urandom(NONCE_OCTETS), args.label or _label(), _show)
    known = _remember(name, invitation, key, pairing.carry_out(by), ca)
    if args.json:
        printing.value({"box": name, "url": known.url, "device": known.device})
    else:
        printing.line(f"paired with {known.url}, called {name} here; rc --box {name} ls asks it")
        printing.note(f"rc box use {name} has it meant where no --box is given")
    return exits.DONE


def _remember(name: str, invitation: Invitation, key: Key, device: str, ca: str | None) -> Known:
    is_file = isinstance(key, devicekeys.FileKey)
    kind = devicekeys.IN_FILE if is_file else devicekeys.IN_AGENT
    known = Known(name, invitation.origin, device, b64u(key.public), kind, ca)
    with changing() as changes:
        if isinstance(key, devicekeys.FileKey):
            devicekeys.keep(name, key)
        else:
            devicekeys.forget(name)
        changes.write(changes.boxes.with_box(known))
    return known


def _show(digits: str) -> None:
    spaced = f"{digits[:3]} {digits[3:]}"
    printing.note(f"type {spaced} at the box: on its status screen, or there with rc pair --accept {digits}")


def _name(there: boxes.Boxes, origin: str) -> str:
    known = there.at(origin)
    if known is not None:
        return known.name
    host = re.sub(r"[^A-Za-z0-9.-]+", "-", origin.partition("://")[2]).strip("-.")[:48] or "box"
    taken = {*there.by_name, boxes.LOCAL}
    return next(name for name in (host, *(f"{host}-{number}" for number in range(2, 1000))) if name not in taken)


def _label() -> str:
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        account = "rc"
    text = f"{account} on {socket.gethostname()}"
    return "".join(letter for letter in text if letter.isprintable())[:LABEL_LIMIT]


def _code(args: argparse.Namespace) -> str:
    if not is_terminal(0):
        raise usage(
            "the address of a box is not enough to pair with it", "give the whole link that rc pair shows there"
        )
    return _line("code that rc pair shows at the box (XXXX-XXXX): ")


def _line(prompt: str) -> str:
    if is_terminal(0):
        sys.stderr.write(prompt)
        sys.stderr.flush()
    return sys.stdin.readline(4096).strip()


def _agent_key(named: str) -> Key:
    from supervisor.client.agentkeys import choose

    return choose(named)


def _read_ca(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read(CA_MAX)
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or "it is not PEM"
        raise usage(f"{path} cannot be read: {cause}", "name the certificate as PEM") from error


VERBS = {"login": Verb(_arguments, _login)}
