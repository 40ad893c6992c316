"""The shadow: a git directory of our own making, through which git sees a tree but not the tree's configuration.

Git runs what configuration names: filters, textconv, hooks, fsmonitor, helpers, and more with every release. No list
of switches turns all of it off, so nothing is turned off: the shadow has a `config` that we wrote, a copy of the
index, and the repository's objects as an alternate. Attributes and ignore rules still count, they are only data;
a filter that they name is not defined, and its files look changed when git has to read them.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from workers.errors import Refused
from workers.inspect_repository import Repository, open_regular, read_file, unreadable
from workers.inspect_run import Ran, run_program

INDEX_OCTETS = 1 << 29  # a million files take a quarter of that
COPY_OCTETS = 1 << 20
SHARED_INDEXES = 64  # of a split index; git itself expires them
CONFIG_OCTETS = 1 << 20
RULES_OCTETS = 1 << 20  # info/exclude, info/attributes
TALK_OCTETS = 1 << 16  # where git has nothing to say
ENTRIES_OCTETS = 1 << 28  # the index as text; more than that is nobody's working tree

# How files are compared, not what is run: without them an honest tree could look changed.
FLAG = re.compile("true|false|yes|no|on|off|1|0|", re.IGNORECASE)
COPIED = {
    "core.filemode": FLAG,
    "core.symlinks": FLAG,
    "core.ignorecase": FLAG,
    "core.precomposeunicode": FLAG,
    "core.autocrlf": re.compile("true|false|input", re.IGNORECASE),
    "core.eol": re.compile("lf|crlf|native", re.IGNORECASE),
}
OURS = {
    "core.bare": "false",
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.pager": "cat",
    "core.quotePath": "false",
    "status.showUntrackedFiles": "all",
    "protocol.allow": "never",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
MARKED = re.compile(rb"(?:(?<=\0)|\A)([A-Za-z]) (\d{6}) [0-9a-f]+ \d\t([^\0]+)\0")


def environment(home: str) -> dict[str, str]:
    """Git's whole environment: no configuration but the shadow's, nobody to ask, nowhere to go."""
    return {
        "PATH": ":".join(part for part in os.environ.get("PATH", os.defpath).split(":") if part.startswith("/")),
        "HOME": home,  # for the person's own ignore and attribute rules; their configuration is not read
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_ASKPASS": "",
        "GIT_EDITOR": "false",
        "GIT_PAGER": "cat",
        "GIT_SSH_COMMAND": "false",
    }


@dataclass(frozen=True, slots=True)
class Shadow:
    """Git for one question about one tree. `head` is None before the first commit."""

    directory: str
    tree: str
    head: str | None
    sha256: bool

    def git(self, *arguments: str, limit: int, stdin: bytes = b"", codes: tuple[int, ...] = (0,)) -> Ran:
        """Run git at the tree's top. Raises Refused `git_failed` for an exit code that is not in `codes`."""
        where = {"GIT_DIR": self.directory, "GIT_WORK_TREE": self.tree}
        env = environment(os.environ.get("HOME", "/")) | where
        try:
            ran = run_program(["git", *arguments], env, self.tree, self.directory, limit, stdin)
        except OSError as error:
            raise unreadable(f"git cannot be started: {error.strerror}") from error
        if not ran.cut and ran.code not in codes:
            said = ran.complaint.splitlines()
            raise unreadable(f"git {arguments[0]} failed: {said[-1] if said else f'exit {ran.code}'}")
        return ran

    def reveal(self) -> list[str]:
        """Have git look at files that it was told to overlook (assume-unchanged, skip-worktree); the gitlinks.

        A file that a sparse checkout left out stays left out. Returns the paths where submodules belong.
        """
        listed = self.git("ls-files", "-z", "-v", "-s", limit=ENTRIES_OCTETS)
        if listed.cut:
            raise unreadable("the index is too large to be looked through")
        assumed, skipped, links = [], [], []
        for mark, mode, path in MARKED.findall(listed.output):
            if mark.islower():
                assumed.append(path)
            if mark in b"sS" and os.path.lexists(os.path.join(os.fsencode(self.tree), path)):
                skipped.append(path)
            if mode == b"160000":
                links.append(os.fsdecode(path))
        for option, paths in (("--no-assume-unchanged", assumed), ("--no-skip-worktree", skipped)):
            if paths:
                self.git(
                    "update-index", option, "-z", "--stdin", limit=TALK_OCTETS, stdin=b"".join(p + b"\0" for p in paths)
                )
        return links


@contextlib.contextmanager
def shadow(repository: Repository, tree: str, scratch: str) -> Iterator[Shadow]:
    """A shadow of `repository` for `tree`, in a new directory inside `scratch`, gone at the end.

    Raises Refused for what cannot be read.
    """
    directory = os.path.join(scratch, f"inspect-{os.urandom(8).hex()}")
    os.mkdir(directory, 0o700)
    try:
        head = repository.head()[1]
        yield Shadow(directory, tree, head, _furnish(directory, repository, head))
    finally:
        _remove(directory)


def _furnish(directory: str, repository: Repository, head: str | None) -> bool:
    objects = os.path.join(repository.common, "objects")
    if "\n" in objects:
        raise unreadable("the path of the repository holds a line break")
    for name in ("objects/info", "refs", "info"):
        os.makedirs(os.path.join(directory, name))
    _write(directory, "HEAD", f"{head or 'ref: refs/heads/unborn'}\n".encode())
    _write(directory, "config", b"")
    _write(directory, "objects/info/alternates", os.fsencode(f"{objects}\n"))
    for name, limit in (("info/exclude", RULES_OCTETS), ("info/attributes", RULES_OCTETS), ("shallow", RULES_OCTETS)):
        content = read_file(os.path.join(repository.common, name), limit)
        if content is not None:
            _write(directory, name, content)
    _copy_index(directory, repository.gitdir)
    settings = _settings(directory, repository)
    sha256 = settings.get("extensions.objectformat") == "sha256"
    lines = [f"[core]\n\trepositoryFormatVersion = {int(sha256)}"]
    lines += ["[extensions]\n\tobjectFormat = sha256"] if sha256 else []
    for key, value in (OURS | {key: settings[key] for key in COPIED if key in settings}).items():
        section, _, name = key.partition(".")
        lines.append(f"[{section}]\n\t{name} = {value}")
    _write(directory, "config", "\n".join(lines).encode() + b"\n")
    return sha256


def _settings(directory: str, repository: Repository) -> dict[str, str]:
    """The harmless part of the configuration, the person's first, then the repository's, then the tree's own."""
    home = os.environ.get("HOME", "/")
    theirs = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    places = ["/etc/gitconfig", os.path.join(theirs, "git/config"), os.path.join(home, ".gitconfig")]
    found: dict[str, str] = {}
    for place in places:
        # A person's file that cannot be read costs at most a file that looks changed.
        with contextlib.suppress(Refused):
            found |= _read_settings(directory, place)
    found |= _read_settings(directory, os.path.join(repository.common, "config"))
    if found.get("extensions.worktreeconfig") == "true":
        found |= _read_settings(directory, os.path.join(repository.gitdir, "config.worktree"))
    if found.get("extensions.refstorage", "files") != "files":
        raise unreadable("the repository keeps its refs in a way that is not read here (reftable)")
    return found


def _read_settings(directory: str, place: str) -> dict[str, str]:
    content = read_file(place, CONFIG_OCTETS)
    if content is None:
        return {}
    _write(directory, "theirs", content)
    # `--file` reads this file alone: includes are not followed.
    argv = ["git", "config", "--file", os.path.join(directory, "theirs"), "--no-includes", "--null", "--list"]
    env = environment("/nonexistent") | {"GIT_DIR": directory}
    ran = run_program(argv, env, "/", directory, CONFIG_OCTETS * 2)
    if ran.code or ran.cut:
        raise unreadable(f"{place} is damaged")
    found: dict[str, str] = {}
    for item in ran.output.split(b"\0"):
        key, there, value = os.fsdecode(item).partition("\n")
        value = value if there else "true"
        allowed = COPIED.get(key)
        if allowed.fullmatch(value) if allowed else key.startswith("extensions."):
            found[key] = value
    return found


def _copy_index(directory: str, gitdir: str) -> None:
    names = [name for name in os.listdir(gitdir) if re.fullmatch(r"sharedindex\.[0-9a-f]{40,64}", name)]
    if len(names) > SHARED_INDEXES:
        raise unreadable("the index is split into too many files")
    for name in ("index", *names):
        source = open_regular(os.path.join(gitdir, name))
        if source is not None:
            _copy(source, os.path.join(directory, name))


def _copy(source: int, place: str) -> None:
    """Copy an open file with its age, and close it."""
    with os.fdopen(source, "rb") as old, open(place, "wb") as new:
        facts = os.fstat(source)
        if facts.st_size > INDEX_OCTETS:
            raise unreadable(f"the index has more than {INDEX_OCTETS} octets")
        left = facts.st_size
        while left and (data := old.read(min(left, COPY_OCTETS))):
            new.write(data)
            left -= len(data)
        new.flush()
        # Git tells by the age of the index which files it must read again: a younger copy would hide changes.
        os.utime(place, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _write(directory: str, name: str, content: bytes) -> None:
    descriptor = os.open(os.path.join(directory, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _remove(directory: str) -> None:
    """Take the shadow away. Nothing below it is a link; what is not there any more is gone."""
    for _path, folders, files, here in os.fwalk(directory, topdown=False):
        for name in files:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=here)
        for name in folders:
            with contextlib.suppress(OSError):
                os.rmdir(name, dir_fd=here)
    with contextlib.suppress(OSError):
        os.rmdir(directory)


def is_empty_place(path: str) -> bool:
    """Whether no submodule is checked out at `path`: nothing there, or an empty directory."""
    try:
        facts = os.lstat(path)
    except FileNotFoundError:
        return True
    if not stat.S_ISDIR(facts.st_mode):
        return False
    with os.scandir(path) as entries:
        return next(entries, None) is None
