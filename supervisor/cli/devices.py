"""`rc devices` and `rc revoke`: which devices may come in, and which no longer."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from supervisor.cli import client as clients
from supervisor.cli import exits, printing
from supervisor.cli.arguments import Parser, Verb, nothing
from workers.errors import Refused

DEVICES = "/v1/devices"
HEADS = ("DEVICE", "KIND", "WHO", "PAIRED", "LAST USED", "ID")
PREFIX_MIN = 4  # characters, of an id behind `device_`, as of a session's

Device = dict[str, Any]


def _devices(args: argparse.Namespace) -> int:
    answer = clients.of(args).get(DEVICES)
    if args.json:
        printing.value(answer)
    elif not answer["devices"]:
        printing.note("no device is paired; rc pair lets one in")
    else:
        printing.table(HEADS, map(_row, answer["devices"]))
    return exits.DONE


def _row(device: Device) -> list[object]:
    label = f"{device['label']} (this one)" if device.get("current") else device["label"]
    used = _ago(device["last_used_at"]) if device.get("last_used_at") else "never"
    if device.get("lines"):  # it follows something at this moment, since whenever it came
        used = "now"
    return [label, device["kind"], device["person"], _ago(device["created_at"]), used, device["id"]]


def _ago(at: object) -> str:
    return f"{printing.age(at)} ago"


def _revoke_arguments(parser: Parser) -> None:
    parser.add_argument("device", metavar="DEVICE", help="its label, its id, or the beginning of one of them")


def _revoke(args: argparse.Namespace) -> int:
    client = clients.of(args)
    devices = client.get(DEVICES)["devices"]
    device = choose(args.device, devices)
    answer = client.ask("DELETE", f"{DEVICES}/{device['id']}")
    if args.json:
        printing.value(answer)
    else:
        printing.line(f"{device['label']} is shut out: {device['id']}")
        for other in devices:  # whoever had it in their hands may have come in by one of these as well
            if other["created_by"]["device"] == device["id"]:
                printing.note(f"it had let in {other['label']}, which still may come in; rc revoke {other['id']}")
    return exits.DONE


def choose(wanted: str, devices: Sequence[Device]) -> Device:
    """The one that is meant: by id, label, or the beginning of one, in this order. Raises Refused `not_found`, or one
    with exit 2 and the list when several are meant."""
    for fits in _WAYS:
        found = [device for device in devices if fits(wanted, device)]
        if len(found) == 1:
            return found[0]
        if found:
            named = ", ".join(f"{device['id']} ({device['label']})" for device in found)
            detail, ids = f"{wanted} may be any of {named}", [device["id"] for device in found]
            raise Refused("invalid", detail, "name one of them by its id", exit=exits.USAGE, devices=ids)
    raise Refused("not_found", f"there is no device {wanted}", "rc devices shows those that there are")


def _begins_id(wanted: str, device: Device) -> bool:
    return len(wanted.removeprefix("device_")) >= PREFIX_MIN and (
        device["id"].startswith(wanted) or device["id"].removeprefix("device_").startswith(wanted)
    )


_WAYS: tuple[Callable[[str, Device], bool], ...] = (
    lambda wanted, device: bool(device["id"] == wanted),
    lambda wanted, device: bool(device["label"] == wanted),
    lambda wanted, device: _begins_id(wanted, device) or (wanted != "" and device["label"].startswith(wanted)),
)

VERBS = {"devices": Verb(nothing, _devices), "revoke": Verb(_revoke_arguments, _revoke)}
