"""Everything `rc` prints: what others wrote is shown and never obeyed, `--json` is one value a line.

JSON goes out as ASCII, so that no control or bidirectional character is ever among it.
"""

from __future__ import annotations

import contextlib
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
PATHS_TOLD = 8  # in an error for people, which is one line; --json has all of them
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
    _tell(visible(f"rc: {text}"))


def refuse(refused: Refused, as_json: bool) -> None:
    """Tell an error on stderr: a problem object, or `rc: <cause>; <what to do next>`."""
    with contextlib.suppress(OSError):  # whatever is the matter with stdout, this is what went wrong
        sys.stdout.flush()
    if as_json:
        _tell(json.dumps(problem_of(refused)))
    else:
        _tell(visible("rc: " + "; ".join(filter(None, (refused.detail + _paths(refused), refused.hint)))))


def _tell(text: str) -> None:
    with contextlib.suppress(OSError):  # nobody reads it, and the exit code says it too
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def problem_of(refused: Refused) -> dict[str, object]:
    """The problem object of a refusal: the box's own as it came, one of ours in the same shape."""
    status, title = CODES.get(refused.code) or OWN_TITLES.get(refused.code, (500, "Failed"))
    own = {"type": f"urn:rc:problem:{refused.code}", "title": title, "status": status}
    fields = {name: field for name, field in refused.fields.items() if name != "exit"}
    return {**own, **fields, "code": refused.code, "detail": refused.detail, "hint": refused.hint}


def _paths(refused: Refused) -> str:
    """What the deletion gate keeps a tree for, as far as it has named that and a line has room for it."""
    reasons = refused.fields.get("reasons")
    named = [reason.get("paths") for reason in reasons if isinstance(reason, dict)] if isinstance(reasons, list) else []
    paths = [str(path) for each in named if isinstance(each, list) for path in each]
    more = [f"{len(paths) - PATHS_TOLD} more"] if len(paths) > PATHS_TOLD else []
    return f" ({', '.join([*paths[:PATHS_TOLD], *more])})" if paths else ""


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
