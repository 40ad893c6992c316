"""A setting that cannot be used, and the checks that say so. Whoever reads the setting adds the file and the line."""

from __future__ import annotations

import re
from collections.abc import Mapping

UNITS = {"": 1, "B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}
SIZE = re.compile(r"(\d{1,15})\s*([A-Za-z]*)")


class Unfit(ValueError):
    """`path` is the way to the setting in the file (`("journal", "terminal_keep")`), `cause` what is wrong with it."""

    def __init__(self, path: tuple[str, ...], cause: str) -> None:
        super().__init__(f"{'.'.join(path)}: {cause}")
        self.path = path
        self.cause = cause


def a_table(value: object, path: tuple[str, ...]) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise Unfit(path, "this is a table: [" + ".".join(path) + "]")
    return value


def strings(value: object, path: tuple[str, ...]) -> tuple[str, ...]:
    """A list of texts without NUL, which neither arguments nor addresses can hold."""
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and "\0" not in item for item in value):
        raise Unfit(path, 'this is a list of texts: ["one", "two"]')
    return tuple(value)


def boolean(value: object, path: tuple[str, ...]) -> bool:
    if not isinstance(value, bool):
        raise Unfit(path, "this is true or false")
    return value


def whole(value: object, path: tuple[str, ...], lowest: int, highest: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise Unfit(path, f"this is a whole number from {lowest} to {highest}")
    return value


def choice(value: object, path: tuple[str, ...], choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise Unfit(path, f"{value!r} is none of {', '.join(repr(one) for one in choices)}")
    return value


def size(value: object, path: tuple[str, ...], lowest: int, highest: int) -> int:
    """Octets, as a number or as a text like "64 MiB"."""
    if isinstance(value, str):
        match = SIZE.fullmatch(value.strip())
        unit = UNITS.get(match[2].upper()) if match else None
        value = int(match[1]) * unit if match and unit else None
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise Unfit(path, f'this is a size from {lowest >> 20} MiB to {highest >> 40} TiB, like "64 MiB"')
    return value
