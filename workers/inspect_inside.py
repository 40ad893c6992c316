"""Who sits in a tree: processes with their directory, root, program or an open file in it, as /proc shows them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

MAPS_OCTETS = 16 << 20  # of one process; browsers come to 2 MiB
SHOWN = 20  # processes in one answer
UPWARDS = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
DEPTH = 512  # directories upwards; deeper ones are found by their path alone


def sitting(tree: str) -> dict[str, Any]:
    """{"count", "found": [{"pid", "name", "how"}]} of the processes inside, ourselves left out.

    What belongs to another account, or hides from ours (`PR_SET_DUMPABLE=0`), cannot be seen by an ordinary account.
    """
    inside = _Inside(tree)
    found: list[dict[str, Any]] = []
    for name in sorted(filter(str.isdigit, os.listdir("/proc")), key=int):
        if int(name) != os.getpid():
            with contextlib.suppress(OSError):  # it ended, or it is not ours to see
                how = inside.how(f"/proc/{name}")
                if how:
                    found.append({"pid": int(name), "name": _name(name), "how": how})
    return {"count": len(found), "found": found[:SHOWN]}


class _Inside:
    def __init__(self, tree: str) -> None:
        facts = os.stat(tree)
        self._tree = os.fsencode(os.path.realpath(tree))
        self._identity = (facts.st_dev, facts.st_ino)
        self._mounts = os.readlink("/proc/self/ns/mnt")

    def how(self, process: str) -> str | None:
        for link, words in (("cwd", "works in it"), ("root", "has its root in it"), ("exe", "runs a program of it")):
            if self._leads_inside(os.fsencode(f"{process}/{link}")):
                return words
        for target in self._descriptors(process):
            if self._is_below(target):
                return "has a file of it open"
        return "has a file of it mapped" if self._maps(process) else None

    def _leads_inside(self, link: bytes) -> bool:
        with contextlib.suppress(OSError):  # a kernel thread has no program, a zombie no directory; others hide them
            return self._is_below(os.readlink(link)) or self._is_elsewhere(link)
        return False

    def _is_below(self, path: bytes) -> bool:
        return path == self._tree or path.startswith(self._tree + b"/")

    def _is_elsewhere(self, link: bytes) -> bool:
        """The same for a process with mounts of its own, where paths say little: upwards, by device and inode."""
        own = os.readlink(os.path.join(os.path.dirname(link), b"ns/mnt"))
        if os.fsdecode(own) == self._mounts or link.endswith(b"/exe"):
            return False
        here, before = os.open(link, UPWARDS), None
        try:
            for _ in range(DEPTH):
                facts = os.fstat(here)
                identity = (facts.st_dev, facts.st_ino)
                if identity in (self._identity, before):  # found, or at the top, whose parent is itself
                    return identity == self._identity
                before, below = identity, here
                here = os.open("..", UPWARDS, dir_fd=below)
                os.close(below)
        finally:
            os.close(here)
        return False

    def _descriptors(self, process: str) -> Iterator[bytes]:
        folder = os.fsencode(f"{process}/fd")
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                yield os.readlink(os.path.join(folder, name))

    def _maps(self, process: str) -> bool:
        with open(f"{process}/maps", "rb") as file:
            return self._tree + b"/" in file.read(MAPS_OCTETS)


def _name(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:
            return file.read(64).decode(errors="backslashreplace").strip()
    except OSError:
        return "?"
