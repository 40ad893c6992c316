"""Answers of inspectors about files, checked for their form. Those about the gate are in `gate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from supervisor.core.told import as_count, as_flag, as_list, as_object, as_text
from workers.errors import Refused

FILES_MAX = 5_000  # of one diff; the inspector tells no more
ENTRIES_MAX = 10_000  # of one directory, likewise
CODES = frozenset({"invalid", "not_found", "not_a_repository", "too_large", "git_failed", "disk_full"})
TYPES = frozenset({"file", "directory", "link", "other"})
STATUSES = frozenset("ADMTUX")  # git's own letters, without those of renames and copies


@dataclass(frozen=True, slots=True)
class Change:
    """A changed file: git's letter for it (`A`, `D`, `M`, `T`), and how many lines came and went (0 for binary)."""

    path: str
    status: str
    added: int
    removed: int
    binary: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in a directory; `type` is `file`, `directory`, `link` or `other`, `modified_ns` is since 1970. `octets`
    are the name as it is, `name` what can be shown of it."""

    name: str
    octets: bytes
    type: str
    size: int
    mode: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A directory, by name; `truncated` when it holds more."""

    entries: tuple[Entry, ...]
    truncated: bool


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file, and which of its octets are meant (all of it unless a range was asked for)."""

    size: int
    start: int
    end: int
    mode: int
    modified_ns: int
    created: bool = False


def changes(value: Any) -> tuple[tuple[Change, ...], bool]:
    """The files of a diff, and whether anything of it is cut. Raises ValueError, as all of these do."""
    told = as_object(value)
    return tuple(_change(one) for one in as_list(told.get("files"), FILES_MAX)), as_flag(told.get("truncated"))


def _change(value: Any) -> Change:
    told = as_object(value)
    status = as_text(told.get("status"))
    if status not in STATUSES:
        raise ValueError("not a status of git's")
    added, removed = as_count(told.get("added")), as_count(told.get("removed"))
    return Change(as_text(told.get("path")), status, added, removed, as_flag(told.get("binary")))


def listing(value: Any) -> Listing:
    told = as_object(value)
    entries = as_list(told.get("entries"), ENTRIES_MAX)
    return Listing(tuple(_entry(one) for one in entries), as_flag(told.get("truncated")))


def _entry(value: Any) -> Entry:
    told = as_object(value)
    kind = as_text(told.get("type"))
    if kind not in TYPES:
        raise ValueError("not a type of file")
    size, mode = as_count(told.get("size")), as_count(told.get("mode"))
    name = as_text(told.get("name"))
    octets = bytes.fromhex(as_text(told["octets"])) if "octets" in told else name.encode()
    return Entry(name, octets, kind, size, mode, as_count(told.get("modified_ns")))


def file_facts(value: Any) -> FileFacts:
    told = as_object(value)
    size = as_count(told.get("size"))
    start, end = as_count(told.get("start", 0)), as_count(told.get("end", size))
    if not start <= end <= size:
        raise ValueError("not a part of the file")
    mode, modified = as_count(told.get("mode")), as_count(told.get("modified_ns"))
    return FileFacts(size, start, end, mode, modified, as_flag(told.get("created", False)))


def usage(value: Any) -> tuple[int, bool]:
    """Octets on the disk, and whether that is all of them."""
    told = as_object(value)
    return as_count(told.get("octets")), as_flag(told.get("whole"))


def refusal(value: Any) -> Refused:
    """What an inspector refused with."""
    told = as_object(value)
    code = as_text(told.get("code"))
    if code not in CODES:
        raise ValueError("not a code of an inspector's")
    fields = {"size": as_count(told["size"])} if "size" in told else {}
    return Refused(code, as_text(told.get("detail")), as_text(told.get("hint")), **fields)
