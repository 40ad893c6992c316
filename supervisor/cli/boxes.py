"""`rc box add|ls|use|remove`: names for boxes elsewhere."""

from __future__ import annotations

import argparse

from supervisor.cli import exits, printing
from supervisor.cli.address import state_dir
from supervisor.cli.arguments import Parser, Verb, usage
from supervisor.client import boxes
from supervisor.client.address import canonical, of_state_dir
from supervisor.client.boxes import LOCAL, Known, changing, check_name, find
from workers.errors import Refused

TAKES = {"add": ("NAME", "URL"), "ls": (), "use": ("NAME",), "remove": ("NAME",)}


def _arguments(parser: Parser) -> None:
    parser.add_argument("what", choices=tuple(TAKES), metavar="add|ls|use|remove")
    parser.add_argument("words", nargs="*", default=[], metavar="NAME", help="what to call it; add takes its URL too")


def _box(args: argparse.Namespace) -> int:
    takes = TAKES[args.what]
    if len(args.words) != len(takes):
        raise usage(f"rc box {args.what} takes {' and '.join(takes) or 'nothing more'}", "rc box -h shows how")
    return {"add": _add, "ls": _ls, "use": _use, "remove": _remove}[args.what](args)


def _add(args: argparse.Namespace) -> int:
    name, url = args.words
    known = Known(check_name(name), canonical(url))
    with changing() as changes:
        if name in changes.boxes.by_name:
            detail = f"there is a box {name} already, at {changes.boxes.by_name[name].url}"
            raise Refused("name_taken", detail, f"choose another name, or: rc box remove {name}", exit=exits.REFUSED)
        changes.write(changes.boxes.with_box(known))
    web = known.url.startswith("http")
    hint = f"; rc login {known.url} pairs this device with it" if web else f"; rc --box {name} ls asks it"
    return _tell(args, known, False, f"{name} is {known.url}{hint}")


def _ls(args: argparse.Namespace) -> int:
    there = boxes.read()
    local = Known(LOCAL, f"unix:{of_state_dir(state_dir(args)).transport.name.removeprefix('socket ')}")
    rows = [local, *(known for _, known in sorted(there.by_name.items()))]
    shown = [_shown(known, known.name == (there.current or LOCAL)) for known in rows]
    if args.json:
        printing.value({"boxes": shown})
        return exits.DONE
    printing.table(
        ("NAME", "URL", "DEVICE", "CURRENT"),
        ([each["name"], each["url"], each["device"], "*" if each["current"] else ""] for each in shown),
    )
    return exits.DONE


def _use(args: argparse.Namespace) -> int:
    (name,) = args.words
    with changing() as changes:
        known = Known(LOCAL, "") if name == LOCAL else find(changes.boxes, name)
        changes.write(boxes.Boxes(changes.boxes.by_name, None if name == LOCAL else name))
    told = "the box on this machine" if name == LOCAL else f"{name} ({known.url})"
    return _tell(args, known, True, f"{told} is meant from now on where no --box is given")


def _remove(args: argparse.Namespace) -> int:
    from supervisor.client import devicekeys

    (name,) = args.words
    with changing() as changes:
        known = find(changes.boxes, name)
        changes.write(changes.boxes.without(name))
        devicekeys.forget(name)
    still = f"; it lets this device in until somebody says there: rc revoke {known.device}" if known.device else ""
    kept = " (its key stays in the ssh agent)" if known.key == devicekeys.IN_AGENT else ""
    return _tell(args, known, False, f"{name} is forgotten{kept}{still}")


def _shown(known: Known, current: bool) -> dict[str, object]:
    return {"name": known.name, "url": known.url, "device": known.device, "current": current}


def _tell(args: argparse.Namespace, known: Known, current: bool, text: str) -> int:
    if args.json:
        printing.value(_shown(known, current))
    else:
        printing.line(text)
    return exits.DONE


VERBS = {"box": Verb(_arguments, _box)}
