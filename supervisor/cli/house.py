"""What a box keeps on disk: `trash`, `prune`, `df`."""

from __future__ import annotations

import argparse
from typing import Any

from supervisor.cli import client as clients
from supervisor.cli import exits, printing
from supervisor.cli.arguments import Parser, Verb, nothing, seconds

MONTH = 30 * 86400.0


def _trash(args: argparse.Namespace) -> int:
    answer = clients.of(args).get("/v1/trash")
    if args.json:
        printing.value(answer)
        return exits.DONE
    entries = answer["trash"]
    if not entries:
        printing.note("the trash is empty")
        return exits.DONE
    printing.table(("NAME", "DELETED", "RESTORABLE UNTIL", "SIZE", "ID"), map(_entry, entries))
    return exits.DONE


def _entry(entry: dict[str, Any]) -> list[object]:
    octets, more = entry.get("bytes"), "" if entry.get("whole", True) else "+"
    return [
        entry.get("name"),
        printing.age(entry.get("deleted_at")),
        entry.get("restorable_until"),
        printing.size(octets) + more if isinstance(octets, int) else None,
        entry.get("id"),
    ]


def _prune_arguments(parser: Parser) -> None:
    help = "what was deleted longer ago (default: 30d)"
    parser.add_argument("--older", type=seconds, metavar="TIME", default=MONTH, help=help)


def _prune(args: argparse.Namespace) -> int:
    answer = clients.of(args).post("/v1/prune", {"older": int(args.older)})
    if args.json:
        printing.value(answer)
    else:
        gone = len(answer["pruned"])
        told = f"{printing.count(gone, 'session')} gone for good, {printing.size(answer['bytes'])} free again"
        printing.line("; ".join([told, *answer["left"]]))
    return exits.DONE


def _df(args: argparse.Namespace) -> int:
    answer = clients.of(args).get("/v1/df")
    if args.json:
        printing.value(answer)
    else:
        rows = [[each["name"], *_sizes(each), each["id"]] for each in answer["sessions"]]
        rows += [[each["name"], *_sizes(each), f"{each['id']} (in the trash)"] for each in answer["trash"]]
        printing.table(("NAME", "JOURNAL", "TREE", "TOGETHER", "ID"), rows)
        free, total = answer["disk"]["free"], answer["disk"]["total"]
        kept = f"{printing.size(answer['bytes'])} kept by this box"
        printing.line(f"{kept}; {printing.size(free)} of {printing.size(total)} free on its disk")
    return exits.DONE


def _sizes(row: dict[str, Any]) -> list[str | None]:
    """What one row takes; a `+` where not everything could be looked at."""
    sizes = [row.get("journal"), row.get("tree"), row["bytes"]]
    more = "" if row["whole"] else "+"
    return [None if octets is None else printing.size(octets) + more for octets in sizes]


VERBS = {
    "trash": Verb(nothing, _trash),
    "prune": Verb(_prune_arguments, _prune),
    "df": Verb(nothing, _df),
}
