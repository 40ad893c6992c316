"""Where a key stands in a TOML file, for errors that name the line; `tomllib` itself forgets it."""

from __future__ import annotations

import re
import tomllib

HEADER = re.compile(r"\s*\[\[?\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?")
ASSIGNMENT = re.compile(r"\s*([^=#]+?)\s*=")
SYNTAX_LINE = re.compile(r"^(.*) \(at line (\d+), column \d+\)$", re.DOTALL)


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line (from 1) in which the key at `path` is set, or else the closest thing around it that has a line.

    Read by lines: a line inside a text of many lines that looks like the key can be taken for it.
    """
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := HEADER.fullmatch(line):
            table = _keys(header[1])
            lines.setdefault(table, number)
        elif assignment := ASSIGNMENT.match(line):
            lines.setdefault((*table, *_keys(assignment[1])), number)
    around = (path[:length] for length in range(len(path), 0, -1))
    return next((lines[place] for place in around if place in lines), None)


def syntax_error(error: tomllib.TOMLDecodeError) -> tuple[str, int | None]:
    """What is wrong, and in which line (None: at the end of the file)."""
    match = SYNTAX_LINE.match(str(error))
    if match is None:
        return str(error).removesuffix(" (at end of document)"), None
    return match[1], int(match[2])


def _keys(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
