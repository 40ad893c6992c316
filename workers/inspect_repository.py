"""A git directory read as plain files: HEAD, refs, reflogs, operations. Runs nothing, believes nothing.

Layouts: gitrepository-layout(5), "files" backend only; a repository with reftables is refused as not readable.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from workers.errors import Refused
from workers.inspect_files import walk
from workers.openat2 import open_beneath

SMALL = 1 << 16  # octets of a file that holds one line: HEAD, a ref, `.git`
LARGE = 1 << 26  # octets of packed-refs or of a reflog; a million refs take that much
REFS = 200_000  # loose refs of one kind
CHAIN = 5  # git's own limit of symbolic refs that lead to each other

OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
REF = re.compile(r"refs/(?!.*(?:\.\.|//|@\{|\.lock(?:/|$)|/\.|\.$))[^\x00-\x20\x7f~^:?*\[\\]+")
LOG_LINE = re.compile(rf"({OID.pattern}) ({OID.pattern}) [^\t]*(?:\t(.*))?")

# What stands in the git directory of a tree while an operation waits to be continued or aborted.
OPERATIONS = {
    "rebase-merge": "rebase",
    "rebase-apply": "rebase or am",
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "sequencer": "cherry-pick or revert of several commits",
    "BISECT_LOG": "bisect",
    "MERGE_AUTOSTASH": "merge with an autostash",
    "index.lock": "a git command that is writing the index",
    "HEAD.lock": "a git command that is moving HEAD",
}


def unreadable(detail: str) -> Refused:
    """What stands in for an answer that cannot be relied on."""
    return Refused("git_failed", detail, "look at the repository with git, from outside of the session")


def open_regular(path: str) -> int | None:
    """A descriptor of a regular file, None where there is none. Raises Refused for anything else; never waits."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(f"{path} cannot be read: {error.strerror}") from error
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise unreadable(f"{path} is not a regular file")


def read_file(path: str, limit: int) -> bytes | None:
    """A regular file whole, None where there is none. Raises Refused for what is larger or no regular file."""
    descriptor = open_regular(path)
    if descriptor is None:
        return None
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise unreadable(f"{path} has more than {limit} octets")
    return data


def read_gitfile(tree: str) -> str | None:
    """Where the `.git` file of a tree points to, as it stands there; None when it is gone or anything but one."""
    top = os.open(tree, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        descriptor = open_beneath(top, ".git", os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return None
    finally:
        os.close(top)
    try:
        text = os.fsdecode(os.read(descriptor, SMALL)) if stat.S_ISREG(os.fstat(descriptor).st_mode) else ""
    finally:
        os.close(descriptor)
    return text.removeprefix("gitdir: ").rstrip("\n") if text.startswith("gitdir: ") else None


@dataclass(frozen=True, slots=True)
class Logged:
    """A line of a reflog: where the ref was and went, and why."""

    old: str
    new: str
    message: str


@dataclass(frozen=True, slots=True)
class Repository:
    """`gitdir` belongs to one working tree, `common` to all of a repository; the same for the main one."""

    gitdir: str
    common: str

    @classmethod
    def at(cls, gitdir: str) -> Repository:
        """The repository of a git directory. Raises Refused when it is none."""
        common = gitdir
        told = read_file(os.path.join(gitdir, "commondir"), SMALL)
        if told is not None:
            common = os.path.join(gitdir, os.fsdecode(told).rstrip("\n"))
        if not os.path.isdir(os.path.join(common, "objects")):
            raise unreadable(f"{gitdir} is not a git directory")
        return cls(os.path.realpath(gitdir), os.path.realpath(common))

    @classmethod
    def around(cls, directory: str) -> tuple[Repository, str] | None:
        """The repository whose working tree `directory` is in, and that tree's top; None outside of all."""
        top = os.path.realpath(directory)
        while True:
            gitdir = os.path.join(top, ".git")
            told = None if os.path.isdir(gitdir) else read_gitfile(top)
            if told is not None:
                gitdir = os.path.join(top, told)
            if os.path.exists(os.path.join(gitdir, "HEAD")):
                return cls.at(gitdir), top
            if top == os.path.dirname(top):
                return None
            top = os.path.dirname(top)

    def head(self) -> tuple[str | None, str | None]:
        """The branch that HEAD is on (a full name; None: detached) and its commit (None: not born yet)."""
        text = self._line(os.path.join(self.gitdir, "HEAD")) or ""
        if not text.startswith("ref: "):
            if not OID.fullmatch(text):
                raise unreadable("HEAD of the tree cannot be read")
            return None, text
        return text[5:].strip(), self.resolve(text[5:].strip())

    def resolve(self, ref: str) -> str | None:
        """What a ref names (not peeled), None where there is no such ref. Raises Refused for a broken one."""
        for _ in range(CHAIN):
            if not REF.fullmatch(ref):
                raise unreadable("a ref has a name that git does not allow")
            text = self._line(os.path.join(self._home(ref), ref))
            if text is None:
                return self.packed().get(ref)
            if OID.fullmatch(text):
                return text
            if not text.startswith("ref: "):
                raise unreadable(f"{ref} cannot be read")
            ref = text[5:].strip()
        raise unreadable(f"{ref} leads in a circle")

    def refs(self, home: str, prefix: str) -> dict[str, str]:
        """What each loose ref below `prefix` in `home` (gitdir or common) names; symbolic ones lead to others."""
        found: dict[str, str] = {}
        top = os.path.join(home, prefix)
        if not os.path.isdir(top):
            return found
        for path, entry in walk(top):
            if isinstance(entry, OSError) or len(found) > REFS:
                raise unreadable(f"the refs in {top} cannot all be read")
            if entry.is_file(follow_symlinks=False):
                text = self._line(os.path.join(top, path)) or ""
                if OID.fullmatch(text):
                    found[f"{prefix}/{path}"] = text
        return found

    def remotes(self) -> set[str]:
        """What is known to be on a remote: every remote-tracking ref."""
        packed = {ref: oid for ref, oid in self.packed().items() if ref.startswith("refs/remotes/")}
        # A packed value is out of date where a loose one stands beside it: after a forced push it is nowhere else.
        return set((packed | self.refs(self.common, "refs/remotes")).values())

    def own_pointers(self) -> set[str]:
        """What only this working tree's own refs and pseudo-refs (ORIG_HEAD, refs/worktree/…) name."""
        found = set(self.refs(self.gitdir, "refs").values()) if self.gitdir != self.common else set()
        with os.scandir(self.gitdir) as entries:
            names = [entry.name for entry in entries if entry.name.endswith("_HEAD") and entry.name != "FETCH_HEAD"]
        for name in names:
            text = self._line(os.path.join(self.gitdir, name)) or ""
            found |= {text} if OID.fullmatch(text) else set()
        return found

    def log(self, ref: str) -> list[Logged]:
        """The reflog of HEAD or of a ref, oldest first; empty without one."""
        path = os.path.join(self.gitdir if ref == "HEAD" else self._home(ref), "logs", ref)
        content = read_file(path, LARGE)
        lines = (content or b"").decode(errors="replace").split("\n")
        found = [LOG_LINE.fullmatch(line) for line in lines if line]
        if not all(found):
            raise unreadable(f"the reflog of {ref} is damaged")
        return [Logged(line[1], line[2], line[3] or "") for line in found if line]

    def operations(self) -> list[str]:
        """What is in progress in this working tree."""
        there = [words for name, words in OPERATIONS.items() if os.path.lexists(os.path.join(self.gitdir, name))]
        return sorted(set(there))

    def packed(self) -> dict[str, str]:
        """packed-refs: what each names, not peeled."""
        return dict(_packed(read_file(os.path.join(self.common, "packed-refs"), LARGE) or b""))

    def _home(self, ref: str) -> str:
        own = ref.startswith(("refs/bisect/", "refs/worktree/", "refs/rewritten/"))
        return self.gitdir if own else self.common

    def _line(self, path: str) -> str | None:
        if os.path.isdir(path):
            return None
        content = read_file(path, SMALL)
        return content if content is None else os.fsdecode(content).rstrip("\n")


def _packed(content: bytes) -> Iterator[tuple[str, str]]:
    for line in content.split(b"\n"):
        oid, _, ref = line.partition(b" ")
        name, value = os.fsdecode(ref), os.fsdecode(oid)
        if OID.fullmatch(value) and name.startswith("refs/"):
            yield name, value
