"""Makings: the record that lies beside a worktree while it is made, so that a crash leaves nothing unexplained.

`<tree>.making` says what was to come there. It exists from before the first file of the tree until the session's
agent has been started: a tree with a record is one in which nobody has worked. While git fills the tree, git holds
a lock on the record, and goes on holding it when the supervisor is killed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import json
import os
from dataclasses import dataclass

RECORD = ".making"


@dataclass(frozen=True, slots=True)
class Tree:
    """A worktree that was made for one session, and what it was made from. `path` is its top level, without links."""

    session: str
    path: str
    branch: str
    base_commit: str
    base_ref: str
    repository: str  # the common directory of the repository that it belongs to
    notices: tuple[str, ...] = ()


@dataclass(slots=True)
class Making:
    """A tree that is being made. `descriptor` is its record's, locked, for git to inherit."""

    tree: Tree
    descriptor: int

    def rename_branch(self, branch: str) -> None:
        """It will be on another branch than was meant at first."""
        self.tree = dataclasses.replace(self.tree, branch=branch)
        _write(self.descriptor, self.tree)

    def close(self) -> None:
        os.close(self.descriptor)


def begin(tree: Tree) -> Making:
    """Take the tree's path, as a new empty directory, and write its record. Raises FileExistsError, OSError."""
    # The empty record comes first: who has it has the path, and an empty one never says that something is ours.
    record = os.open(tree.path + RECORD, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(record, fcntl.LOCK_EX)
        os.mkdir(tree.path, 0o700)
        _write_first(record, tree)
    except OSError:
        os.close(record)
        forget(tree.path)
        raise
    return Making(tree, record)


def _write_first(record: int, tree: Tree) -> None:
    try:
        _write(record, tree)
    except OSError:
        os.rmdir(tree.path)
        raise


def forget_if_empty(path: str) -> bool:
    """Whether the record beside `path` was cut off before it said anything; then it goes, with an empty tree."""
    try:
        if os.path.getsize(path + RECORD) > 0:
            return False
        with contextlib.suppress(OSError):
            os.rmdir(path)  # refuses a directory that holds anything
        forget(path)
    except OSError:  # what cannot be looked at or removed is no reason not to start
        return False
    return True


def forget(path: str) -> None:
    """The tree at `path` is no longer being made."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path + RECORD)


def read(path: str) -> Tree | None:
    """What the record beside `path` says; None without one, or where it is torn or speaks of another path."""
    try:
        with open(path + RECORD, encoding="utf-8", errors="surrogateescape") as file:
            fields = json.load(file)
        tree = Tree(**{**fields, "notices": tuple(fields["notices"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return tree if tree.path == path else None


def found(home: str) -> list[str]:
    """The paths of all trees below `home` (`<home>/<repository>/<tree>`) that have a record."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(
            os.path.join(folder.path, name.removesuffix(RECORD))
            for folder in os.scandir(home)
            if folder.is_dir(follow_symlinks=False)
            for name in os.listdir(folder.path)
            if name.endswith(RECORD)
        )
    return []


def _write(record: int, tree: Tree) -> None:
    # Not synced: after a power cut a torn record leaves a tree that nobody has worked in, and loses nothing.
    data = json.dumps(dataclasses.asdict(tree)).encode()
    if os.pwrite(record, data, 0) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.ftruncate(record, len(data))
