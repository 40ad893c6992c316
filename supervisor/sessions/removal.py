"""Removes what lies in the trash for good: the only place of the product that does.

What lies there was made by agents: links, other people's mounts, trees deeper than any path. So nothing is ever named
by a path. Each directory is moved up beside the one that is being removed, its files are unlinked by descriptor, and
then it is emptied in its turn: two descriptors, whatever the depth, and no `..` to be led astray by.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from workers.openat2 import INSIDE, NO_XDEV, open_beneath

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
LEFT_SHOWN = 20  # of what could not be removed; the rest has the same causes


@dataclass(slots=True)
class Removed:
    """Octets that became free, and what could not be removed, with the cause."""

    octets: int = 0
    left: list[str] = field(default_factory=list)

    def leave(self, name: str, error: OSError) -> None:
        if len(self.left) < LEFT_SHOWN:
            self.left.append(f"{name}: {error.strerror}")


def remove(parent: str, name: str) -> Removed:
    """Remove the directory `name` (one component, no link) inside `parent`, with everything in it. Blocks.

    Stays on its mount and beneath `parent`. Never raises for what cannot be removed: it is told, and stays.
    """
    assert name not in ("", ".", "..") and "/" not in name
    removed = Removed()
    above = os.open(parent, FOLDER)
    try:
        grave = _enter(above, name)
        try:
            _empty(grave, removed)
        finally:
            os.close(grave)
        os.rmdir(name, dir_fd=above)
    except OSError as error:
        removed.leave(name, error)
    finally:
        os.close(above)
    return removed


def _empty(grave: int, removed: Removed) -> None:
    # Names that nobody in there can have chosen before.
    names = (f".{mark}-{number}" for mark in (secrets.token_hex(8),) for number in count())
    waiting = deque(_clear(grave, grave, names, removed))
    while waiting:
        name = waiting.popleft()
        try:
            folder = _enter(grave, name)
            try:
                waiting += _clear(folder, grave, names, removed)
            finally:
                os.close(folder)
            os.rmdir(name, dir_fd=grave)
        except OSError as error:
            removed.leave(name, error)


def _clear(folder: int, grave: int, names: Iterator[str], removed: Removed) -> list[str]:
    """Unlink what is in `folder`, and move its directories into the grave. Returns their names there."""
    moved = []
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        try:
            if is_folder:
                moved.append(_move(folder, name, grave, names))
            else:
                facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
                os.unlink(name, dir_fd=folder)
                removed.octets += facts.st_blocks * 512 if facts.st_nlink == 1 else 0
        except OSError as error:
            removed.leave(name, error)
    return moved


def _move(folder: int, name: str, grave: int, names: Iterator[str]) -> str:
    new = next(names)
    try:
        os.rename(name, new, src_dir_fd=folder, dst_dir_fd=grave)
    except PermissionError:
        # To get another parent a directory must be writable itself.
        os.close(_enter(folder, name))
        os.rename(name, new, src_dir_fd=folder, dst_dir_fd=grave)
    return new


def _enter(folder: int, name: str) -> int:
    """A directory's descriptor, made readable and writable for us where it is not."""
    try:
        below = open_beneath(folder, name, FOLDER, INSIDE | NO_XDEV)
    except OSError as error:
        if error.errno != errno.EACCES:
            raise
        _open_up(folder, name)
        below = open_beneath(folder, name, FOLDER, INSIDE | NO_XDEV)
    if stat.S_IMODE(os.fstat(below).st_mode) & 0o700 != 0o700:
        with contextlib.suppress(PermissionError):  # another account's; then its files say that they are left
            os.fchmod(below, 0o700)
    return below


def _open_up(folder: int, name: str) -> None:
    here = open_beneath(folder, name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, INSIDE | NO_XDEV)
    try:
        os.chmod(f"/proc/self/fd/{here}", 0o700)
    finally:
        os.close(here)
