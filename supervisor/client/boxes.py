"""The boxes that this account has given names, and how it signs in there: `~/.config/rc/boxes.toml`."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from supervisor.client.wholefile import write_whole
from workers.errors import Refused

FOLDER = "~/.config/rc"
FILE, LOCK = "boxes.toml", ".boxes.lock"
LOCAL = "local"  # the name of the box on this machine, which needs no line
SIZE_MAX = 1 << 20
HEAD = "# Boxes that rc knows. Written by `rc box` and `rc login`.\n"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FIELDS = ("url", "device", "public_key", "key", "ca")


@dataclass(frozen=True, slots=True)
class Known:
    """One of them. The rest is known of one that was logged in to: `device`, its id there; `public_key`; `key`, `file`
    or `ssh-agent`, where the other half lies; `ca`, PEM of what alone is trusted there."""

    name: str
    url: str
    device: str | None = None
    public_key: str | None = None
    key: str | None = None
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class Boxes:
    """What the file says. `current` is the one that is meant where none is named; None for the local one."""

    by_name: Mapping[str, Known] = field(default_factory=dict)
    current: str | None = None

    def with_box(self, known: Known) -> Boxes:
        return replace(self, by_name={**self.by_name, known.name: known})

    def without(self, name: str) -> Boxes:
        left = {each: known for each, known in self.by_name.items() if each != name}
        return Boxes(left, None if self.current == name else self.current)

    def at(self, url: str) -> Known | None:
        """The one with this address; one that was logged in to goes before one that was only named."""
        there = [known for known in self.by_name.values() if known.url == url]
        return next((known for known in there if known.key), there[0] if there else None)


def folder() -> str:
    return os.path.expanduser(FOLDER)


def is_name(text: str) -> bool:
    """Whether this can be the name of a box; no address is one."""
    return _NAME.fullmatch(text) is not None


def check_name(name: str) -> str:
    """Raises Refused `invalid`."""
    if not is_name(name) or name == LOCAL:
        detail = f"{name!r} cannot be the name of a box"
        raise Refused("invalid", detail, f"up to 64 letters, digits and ._-, and not {LOCAL!r}, which is the one here")
    return name


def find(boxes: Boxes, name: str) -> Known:
    """Raises Refused `not_found`."""
    if name not in boxes.by_name:
        raise Refused("not_found", f"there is no box {name}", "rc box ls shows them; rc box add NAME URL adds one")
    return boxes.by_name[name]


def read() -> Boxes:
    """What is there; nothing where there is no file. Raises Refused `configuration` for one that cannot be read."""
    path = os.path.join(folder(), FILE)
    try:
        with open(path, "rb") as file:
            text = file.read(SIZE_MAX).decode()
    except FileNotFoundError:
        return Boxes()
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, str(getattr(error, "strerror", None) or error)) from error
    return _parsed(path, text)


def _parsed(path: str, text: str) -> Boxes:
    import tomllib  # only where there is something to read

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _unreadable(path, str(error)) from error
    tables, current = values.get("boxes", {}), values.get("current")
    known = {}
    for name, table in tables.items() if isinstance(tables, dict) else ():
        if not isinstance(table, dict) or not isinstance(table.get("url"), str) or not _NAME.fullmatch(name):
            raise _unreadable(path, f"[boxes.{name}] is no box with a url")
        known[name] = Known(name, **{key: str(table[key]) for key in _FIELDS if key in table})
    return Boxes(known, current if current in known else None)


def _unreadable(path: str, cause: str) -> Refused:
    return Refused("configuration", f"{path}: {cause}", "correct the file, or remove it and add the boxes again")


@contextlib.contextmanager
def changing() -> Iterator[Changes]:
    """What is there, for a change that nobody else makes at the same time."""
    os.makedirs(folder(), mode=0o700, exist_ok=True)
    lock = os.open(os.path.join(folder(), LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Changes(read())
    finally:
        os.close(lock)


@dataclass(slots=True)
class Changes:
    """`boxes` is what the file says now."""

    boxes: Boxes

    def write(self, boxes: Boxes) -> None:
        """It says this from now on, also after a power cut; until then it says what it did."""
        write_whole(os.path.join(folder(), FILE), text_of(boxes).encode())
        self.boxes = boxes


def text_of(boxes: Boxes) -> str:
    """The file."""
    lines = [HEAD] + ([f"current = {_quoted(boxes.current)}\n"] if boxes.current else [])
    for name, known in sorted(boxes.by_name.items()):
        values = ((key, getattr(known, key)) for key in _FIELDS)
        rows = [f"{key} = {_quoted(value)}\n" for key, value in values if value is not None]
        lines += ["\n", f"[boxes.{_quoted(name)}]\n", *rows]
    return "".join(lines)


def _quoted(text: str) -> str:
    """A basic string of TOML. All that is written is ASCII."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character == "\n":
        return "\\n"
    return character if " " <= character <= "~" else f"\\U{ord(character):08X}"
