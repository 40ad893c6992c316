"""Files of a tree for the inspector: list, read, write, count. Never through a link, never `.git`."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import Any, Protocol

from workers.errors import Refused
from workers.openat2 import INSIDE, NO_XDEV, open_beneath

PATH_OCTETS = 4096 - 1  # PATH_MAX
NAME_OCTETS = 255  # NAME_MAX
LIST_ENTRIES = 10_000  # a directory with more is for programs, not for people; the answer says that it is cut
LIST_OCTETS = 1 << 20  # of names in one listing, however they were spelled
WRITE_OCTETS = 1 << 20  # one written file; larger ones are uploads
READ_OCTETS = 1 << 18
NEW_MODE = 0o644
FOLDER = os.O_RDONLY | os.O_DIRECTORY
STILL = os.O_NONBLOCK | os.O_NOCTTY  # a FIFO does not hold us, a terminal does not become ours
HINT = "give a path inside the workspace, as `rc files` shows it"


class Reply(Protocol):
    """What a question is answered with: JSON once, then raw content. `receive` reads what the asker sends."""

    def tell(self, value: dict[str, Any]) -> None: ...
    def content(self, data: bytes) -> None: ...
    def receive(self, size: int) -> bytes: ...


def answer(question: dict[str, Any], reply: Reply) -> None:
    """`files`: `root`, `path`, `range` (None, [first, last or None] or [None, how many at the end]).

    Tells {"directory": {"entries", "truncated"}} or {"file": {"size", "start", "end", "mode", "modified_ns"}} and then
    the octets from start to end; fewer when the file shrinks meanwhile.
    """
    parts = split(question["path"])
    with _opened(question["root"], parts, os.O_PATH) as found:
        kind = stat.S_IFMT(os.fstat(found).st_mode)
    if kind == stat.S_IFDIR:
        with _opened(question["root"], parts, FOLDER) as folder:
            reply.tell({"directory": listing(folder)})
        return
    # Only now for reading: opening a device may already do something.
    if kind != stat.S_IFREG:
        raise _special(question["path"])
    with _opened(question["root"], parts, os.O_RDONLY | STILL) as file:
        facts = os.fstat(file)
        if not stat.S_ISREG(facts.st_mode):
            raise _special(question["path"])
        start, end = _span(question.get("range"), facts.st_size)
        reply.tell({"file": {"size": facts.st_size, "start": start, "end": end, **_facts(facts)}})
        _pour(file, start, end, reply)


def write(question: dict[str, Any], reply: Reply) -> None:
    """`write`: `root`, `path`, `size`, `mode` (or None: as it was, else 0644); then `size` octets are received.

    The file is the old one or the new one, never half. Its directory must be there. Tells {"written": {…}}.
    """
    parts = split(question["path"])
    if not parts:
        raise Refused("invalid", "a file needs a name", HINT)
    if question["path"].rpartition("/")[2] in ("", "."):
        raise Refused("invalid", f"{shown(question['path'])} names a directory, by its end", "name the file itself")
    size, name = int(question["size"]), parts[-1]
    if size > WRITE_OCTETS:
        raise Refused("too_large", f"{size} octets are more than {WRITE_OCTETS}", "copy it in another way")
    with _opened(question["root"], parts[:-1], FOLDER) as folder:
        before = _before(folder, name, question["path"])
        mode = question.get("mode") or (stat.S_IMODE(before.st_mode) if before else NEW_MODE)
        data = reply.receive(size)
        after = _replace(folder, name, data, mode & 0o777)
    reply.tell({"written": {"size": size, "created": before is None, **_facts(after)}})


def usage(question: dict[str, Any], reply: Reply) -> None:
    """`usage`: `root`. Tells {"usage": {"octets", "files", "whole"}}: what the tree takes on the disk."""
    octets = files = 0
    whole = True
    seen: set[tuple[int, int]] = set()
    for _path, entry in walk(question["root"]):
        if isinstance(entry, OSError):
            whole = False
            continue
        with contextlib.suppress(FileNotFoundError):
            facts = entry.stat(follow_symlinks=False)
            if facts.st_nlink > 1 and not stat.S_ISDIR(facts.st_mode):
                if (facts.st_dev, facts.st_ino) in seen:
                    continue
                seen.add((facts.st_dev, facts.st_ino))
            octets, files = octets + facts.st_blocks * 512, files + 1
    reply.tell({"usage": {"octets": octets, "files": files, "whole": whole}})


def split(path: str) -> list[str]:
    """The components of a path inside a tree; none for the tree itself. Octets that are not UTF-8 are as in
    `os.fsdecode`. Raises Refused `invalid` with the cause."""
    for cause, holds in (
        ("is absolute", path.startswith("/")),
        ("holds a NUL", "\0" in path),
        ("is not text", not _has_octets(path)),
    ):
        if holds:
            raise Refused("invalid", f"the path {cause}", HINT)
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise Refused("invalid", "the path holds `..`", HINT)
    if any(is_git(part) for part in parts):
        raise Refused("invalid", "what is in `.git` is neither shown nor written", HINT)
    if len(os.fsencode(path)) > PATH_OCTETS or any(len(os.fsencode(part)) > NAME_OCTETS for part in parts):
        raise Refused("invalid", "the path is too long", HINT)
    return parts


def _has_octets(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:  # half a surrogate pair
        return False
    return True


def is_git(name: str) -> bool:
    """Whether a name is `.git`, or would be on a file system that ignores case, dots and spaces at the end, or
    characters that show nothing (as git itself judges for HFS+ and NTFS)."""
    shown = "".join(character for character in name if character.isascii() or character.isprintable())
    return shown.casefold().partition(":")[0].rstrip(" .") in (".git", "git~1")


def walk(root: str) -> Iterator[tuple[str, os.DirEntry[str] | OSError]]:
    """Everything below `root`, as relative paths, without following a link or entering another mount.

    A directory that cannot be read comes a second time, with the error. One that vanishes meanwhile does not.
    """
    top = os.open(root, FOLDER | os.O_CLOEXEC)
    waiting = ["."]
    try:
        while waiting:
            path = waiting.pop()
            try:
                folder = open_beneath(top, path, FOLDER, INSIDE | NO_XDEV)
            except FileNotFoundError:
                continue
            except OSError as error:
                yield path, error
                continue
            with _closing(folder), os.scandir(folder) as entries:
                for entry in entries:
                    below = entry.name if path == "." else f"{path}/{entry.name}"
                    yield below, entry
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(below)
    finally:
        os.close(top)


def listing(folder: int, most: int = LIST_ENTRIES, octets: int = LIST_OCTETS) -> dict[str, Any]:
    """{"entries": [{"name", "type", "size", "mode", "modified_ns"}], "truncated"} of an open directory, by name.

    A name that is not UTF-8 has its "octets" beside it, in hexadecimal.
    """
    entries: list[dict[str, Any]] = []
    truncated = False
    with os.scandir(folder) as found:
        for entry in found:
            octets -= len(os.fsencode(entry.name))
            if len(entries) == most or octets < 0:
                truncated = True
                break
            if not is_git(entry.name):
                with contextlib.suppress(OSError):  # gone meanwhile
                    facts = entry.stat(follow_symlinks=False)
                    entries.append({**_name(entry.name), **_kind(facts), **_facts(facts)})
    return {"entries": sorted(entries, key=_by_name), "truncated": truncated}


def _name(name: str) -> dict[str, str]:
    text = shown(name)
    return {"name": text} if text == name else {"name": text, "octets": os.fsencode(name).hex()}


def shown(name: str | bytes) -> str:
    """A name of a file as text that JSON can carry: octets that are not UTF-8 become `\\xff`."""
    return os.fsencode(name).decode(errors="backslashreplace")


@contextlib.contextmanager
def _opened(root: str, parts: list[str], flags: int) -> Iterator[int]:
    path = "/".join(parts)
    try:
        top = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Refused("not_found", "the workspace is not there any more", "see `rc show`") from error
    with _closing(top):
        try:
            descriptor = open_beneath(top, path or ".", flags)
        except OSError as error:
            raise _refusal(error, path) from error
    with _closing(descriptor):
        yield descriptor


@contextlib.contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


def _refusal(error: OSError, path: str) -> Refused:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Refused("not_found", f"there is no {shown(path)}", "see what there is with `rc files`")
    if error.errno in (errno.ELOOP, errno.EXDEV):
        return Refused("invalid", f"{shown(path)} is a link or lies behind one; links are not followed", HINT)
    return Refused("invalid", f"{shown(path)} cannot be opened: {error.strerror}", HINT)


def _special(path: str) -> Refused:
    return Refused("invalid", f"{shown(path)} is neither a file nor a directory", HINT)


def _facts(facts: os.stat_result) -> dict[str, int]:
    return {"mode": stat.S_IMODE(facts.st_mode), "modified_ns": facts.st_mtime_ns}


def _by_name(entry: dict[str, Any]) -> str:
    return str(entry["name"])


def _kind(facts: os.stat_result) -> dict[str, Any]:
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}
    return {"type": kinds.get(stat.S_IFMT(facts.st_mode), "other"), "size": facts.st_size}


def _span(wanted: list[int | None] | None, size: int) -> tuple[int, int]:
    first, last = wanted or [0, None]
    if first is None:
        first, last = max(size - (last or 0), 0), None
    if wanted and first >= size:
        raise Refused("invalid", f"the range begins behind the end, at {size}", "ask for less", size=size)
    return first, size if last is None else min(last + 1, size)


def _pour(file: int, start: int, end: int, reply: Reply) -> None:
    while start < end:
        data = os.pread(file, min(READ_OCTETS, end - start), start)
        if not data:
            return
        reply.content(data)
        start += len(data)


def _before(folder: int, name: str, path: str) -> os.stat_result | None:
    try:
        before = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(before.st_mode):
        raise Refused("invalid", f"{shown(path)} is there already and is not a file", HINT)
    return before


def _replace(folder: int, name: str, data: bytes, mode: int) -> os.stat_result:
    temporary = f".rc-{os.urandom(8).hex()}.new"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600, dir_fd=folder)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise Refused("invalid", "the directory cannot be written to", "see to its permissions") from error
    try:
        with _closing(descriptor):
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
            facts = os.fstat(descriptor)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    return facts
