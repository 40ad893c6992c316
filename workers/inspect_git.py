"""What a tree changed, for the inspector: a diff of everything in it, tracked or not, against one commit."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from typing import Any

from workers.errors import Refused
from workers.inspect_files import Reply, shown
from workers.inspect_repository import OID, Repository, unreadable
from workers.inspect_shadow import TALK_OCTETS, Shadow, shadow

PATCH_OCTETS = 2 << 20  # what a person may still read in a page; the list of files is whole beyond it
FILES = 5_000  # of one answer, and
NAMES_OCTETS = 1 << 20  # of their paths; more is said to be cut
RAW_OCTETS = 16 << 20  # what git may say to fill such an answer
SPECIALS = 1_000  # each becomes an argument of git
EMPTY_TREE = (
    "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
)
EMPTY_BLOB = (
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
)
# `dirty` shows a submodule at another commit, without looking into it: git would run there under its configuration.
SAFE = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules=dirty")
PREFIXES = ("--src-prefix=a/", "--dst-prefix=b/")


def answer(question: dict[str, Any], reply: Reply) -> None:
    """`diff`: `root`, `gitdir` (None: look for it around the root), `against` (a commit; None: HEAD), `scratch`.

    Tells {"diff": {"files": [{path, status, added, removed, binary}], "truncated"}} and then the patch, cut at a line.
    """
    repository, tree = _find(question["root"], question.get("gitdir"))
    with shadow(repository, tree, question["scratch"]) as git:
        git.reveal()
        _take_in_untracked(git)
        commit = _commit(git, question.get("against"))
        files, whole = changed_files(git, commit)
        patch, uncut = _patch(git, commit, [file["path"] for file in files if file.pop("special")])
    for file in files:
        file["path"] = shown(file["path"])
    reply.tell({"diff": {"files": files, "truncated": not (whole and uncut)}})
    reply.content(patch)


def _find(root: str, gitdir: str | None) -> tuple[Repository, str]:
    if not os.path.isdir(root):
        raise Refused("not_found", "the workspace is not there any more", "see `rc show`")
    if gitdir is not None:
        return Repository.at(gitdir), root
    found = Repository.around(root)
    if found is None:
        raise Refused("not_a_repository", f"{root} is not in a git repository", "see its files with `rc files`")
    return found


def _commit(git: Shadow, wanted: str | None) -> str:
    commit = wanted or git.head or EMPTY_TREE[git.sha256]
    if not OID.fullmatch(commit):
        raise Refused("invalid", "a commit is named by its whole id", "use base or head")
    return commit


def _take_in_untracked(git: Shadow) -> None:
    """Put what is neither tracked nor ignored into the shadow's index as empty files, so that a diff shows it."""
    listed = git.git("ls-files", "--others", "--exclude-standard", "-z", limit=RAW_OCTETS)
    entries = [
        b"100644 %s 0\t%s\0" % (EMPTY_BLOB[git.sha256].encode(), path)
        for path in listed.output.split(b"\0")[:-1]
        if not path.endswith(b"/")  # a repository inside the tree
    ]
    # With the index, where a file became a directory: --replace.
    git.git("update-index", "--add", "--replace", "-z", "--index-info", limit=TALK_OCTETS, stdin=b"".join(entries))


def changed_files(git: Shadow, commit: str, most: int = FILES) -> tuple[list[dict[str, Any]], bool]:
    """The changed files (with `special`: not to be opened), and whether these are all."""
    raw = git.git("diff", *SAFE, "--raw", "-z", commit, "--", limit=RAW_OCTETS)
    fields = raw.output.split(b"\0")[:-1]
    found: dict[str, dict[str, Any]] = {}
    room = NAMES_OCTETS
    for facts, path in zip(fields[::2], fields[1::2], strict=False):
        room -= len(path)
        if len(found) == most or room < 0:
            raw = replace(raw, cut=True)
            break
        name, status = os.fsdecode(path), facts[-1:].decode(errors="replace")
        special = _is_special(os.path.join(git.tree, name))
        entry = {"path": name, "status": status, "added": 0, "removed": 0, "binary": special, "special": special}
        found[name] = entry
    _count(git, commit, found)
    return list(found.values()), not raw.cut


def _count(git: Shadow, commit: str, found: dict[str, dict[str, Any]]) -> None:
    special = [name for name, entry in found.items() if entry["special"]]
    counted = git.git("diff", *SAFE, "--numstat", "-z", commit, "--", *_but(special), limit=RAW_OCTETS)
    for line in counted.output.split(b"\0")[:-1]:
        added, removed, path = line.split(b"\t", 2)
        entry = found.get(os.fsdecode(path))
        if entry is None:
            continue
        if added == b"-":
            entry["binary"] = True
        else:
            entry["added"], entry["removed"] = int(added), int(removed)


def _patch(git: Shadow, commit: str, special: list[str]) -> tuple[bytes, bool]:
    made = git.git("diff", *SAFE, *PREFIXES, "--patch", commit, "--", *_but(special), limit=PATCH_OCTETS)
    if not made.cut:
        return made.output, True
    return made.output[: made.output.rfind(b"\n") + 1], False


def _but(special: list[str]) -> list[str]:
    """Everything but those that must not be opened: reading from a FIFO waits for ever."""
    if len(special) > SPECIALS:
        raise unreadable("too many files were replaced by FIFOs, sockets or devices")
    return [".", *(f":(top,exclude,literal){path}" for path in special)] if special else []


def _is_special(path: str) -> bool:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode))
