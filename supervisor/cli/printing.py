"""Everything `rc` prints: what others wrote is shown and never obeyed, `--json` is one value a line.

JSON goes out as ASCII, so that no control or bidirectional character is ever among it.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from supervisor.core.printable import visible, visible_block
from supervisor.errors import CODES
from workers.errors import Refused

__all__ = ["age", "block", "count", "line", "note", "problem_of", "refuse", "size", "table", "value", "visible"]

OWN_TITLES = {
    "unreachable": (503, "The box cannot be reached"),
    "timeout": (504, "It took too long"),
    "configuration": (500, "It cannot be had"),
}
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def line(*texts: object) -> None:
    """One line on stdout."""
    sys.stdout.write(visible(" ".join(str(text) for text in texts)) + "\n")


def block(text: str) -> None:
    """Text of many lines on stdout; it ends with a line feed, whether it had one or not."""
    if text:
        sys.stdout.write(visible_block(text if text.endswith("\n") else text + "\n"))


def value(value: object) -> None:
    """One JSON value on stdout, one line; it is there when this returns, for whoever follows."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """One line on stderr, for people: what was done beside what was asked."""
    sys.stdout.flush()
    sys.stderr.write(visible(f"rc: {text}") + "\n")
    sys.stderr.flush()


def refuse(refused: Refused, as_json: bool) -> None:
    """Tell an error on stderr: a problem object, or `rc: <cause>; <what to do next>`."""
    if as_json:
        sys.stdout.flush()
        sys.stderr.write(json.dumps(problem_of(refused)) + "\n")
        sys.stderr.flush()
    else:
        note("; ".join(filter(None, (refused.detail, refused.hint))))
        for reason in _reasons(refused):
            sys.stderr.write(visible(f"  {reason}") + "\n")


def problem_of(refused: Refused) -> dict[str, object]:
    """The problem object of a refusal: the box's own as it came, one of ours in the same shape."""
    status, title = CODES.get(refused.code) or OWN_TITLES.get(refused.code, (500, "Failed"))
    own = {"type": f"urn:rc:problem:{refused.code}", "title": title, "status": status}
    fields = {name: field for name, field in refused.fields.items() if name != "exit"}
    return {**own, **fields, "code": refused.code, "detail": refused.detail, "hint": refused.hint}


def _reasons(refused: Refused) -> Iterable[str]:
    """Why the deletion gate keeps a tree; part of the cause, and too long for its line."""
    reasons = refused.fields.get("reasons")
    for reason in reasons if isinstance(reasons, list) else ():
        if isinstance(reason, dict):
            paths = reason.get("paths")
            named = f": {' '.join(map(str, paths))}" if isinstance(paths, list) and paths else ""
            yield f"{reason.get('code')}: {reason.get('detail')}{named}"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under heads, columns in line by the cells that their characters take."""
    texts = [list(heads), *([visible("-" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(_cells(row[column]) for row in texts) for column in range(len(heads))]
    for row in texts:
        padded = (text + " " * (width - _cells(text)) for text, width in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(padded).rstrip() + "\n")


def _cells(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def size(octets: int) -> str:
    """Octets in the largest unit that leaves a number of at least one."""
    amount, unit = float(octets), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{octets} B" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def age(at: object, now: datetime | None = None) -> str:
    """How long ago an RFC 3339 time was, in one unit: `12s`, `5m`, `3h`, `8d`; `-` where there is none."""
    try:
        then = datetime.fromisoformat(str(at))
    except ValueError:
        return "-"
    seconds = max(int(((now or datetime.now(UTC)) - then).total_seconds()), 0)
    for limit, divisor, unit in ((60, 1, "s"), (3600, 60, "m"), (86400, 3600, "h")):
        if seconds < limit:
            return f"{seconds // divisor}{unit}"
    return f"{seconds // 86400}d"
