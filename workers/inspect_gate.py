"""Everything the deletion gate must know of a tree, for the inspector: facts only, no judgement.

`supervisor.core.gate` judges them. Whatever cannot be found out is told as `unreadable`, never passed over.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from collections.abc import Iterator
from typing import Any

from workers.errors import Refused
from workers.inspect_files import Reply, shown, walk
from workers.inspect_inside import sitting
from workers.inspect_repository import OID, Repository, read_file, read_gitfile, unreadable
from workers.inspect_shadow import Shadow, is_empty_place, shadow

SHOWN = 20  # paths, commits or stashes of one kind that are told by name; the rest is a count
STATUS_OCTETS = 8 << 20  # of git's answer; beyond it the tree is dirty enough to be kept
COMMITS = 1_000  # counted as unpushed; beyond it nobody needs the exact number
ENTRIES = 4_000_000  # files of a tree that are looked at
LINE = 1 << 16
LOOKS, LOOK_SECONDS = 4, 0.1  # how often we look for processes: another inspector's git is gone by then
KINDS = {b"?": "untracked", b"!": "ignored"}
RULES = (".gitignore", ".gitattributes", ".gitmodules")  # git opens them before it asks what they are
STASHED = re.compile(r"(?:WIP on|On) (.*?): ")


def answer(question: dict[str, Any], reply: Reply) -> None:
    """`gate`: `tree` (where it is now), `registered` (where git thinks that it is), `gitdir` (None: the repository
    does not know the tree), `common`, `branch`, `base_commit`, `base_ref`, `scratch`.

    Tells {"gate": {"missing", "not_ours", "unreadable": [text], "processes", "operations": [text], "head",
    "branch_at", "tips" (commits that HEAD does not lead to), and {"count", "found": [text]} each for "changed",
    "untracked", "ignored", "submodules", "stashes", "unpushed"}}.
    """
    facts: dict[str, Any] = {"missing": False, "not_ours": None, "operations": []}
    facts |= {"head": None, "branch_at": None, "tips": []}
    facts |= {kind: _several([]) for kind in ("changed", "untracked", "ignored", "submodules", "stashes", "unpushed")}
    facts |= {"unreadable": [], "processes": {"count": 0, "found": []}}
    with _noting(facts):
        _look(question, facts)
    reply.tell({"gate": facts})


def _look(question: dict[str, Any], facts: dict[str, Any]) -> None:
    tree = question["tree"]
    try:
        mode = os.lstat(tree).st_mode
        facts["not_ours"] = None if stat.S_ISDIR(mode) else "something else stands where the tree was"
    except FileNotFoundError:
        facts["missing"] = True
    if facts["not_ours"]:
        return
    if not facts["missing"]:
        facts["processes"] = _patiently(tree)
    facts["not_ours"] = _stranger(question, facts["missing"])
    if facts["not_ours"]:
        return
    # Of a tree that is gone and forgotten only the branch is left, which the repository itself has.
    repository = Repository.at(question["gitdir"] or question["common"])
    facts["operations"] = repository.operations() if question["gitdir"] else []
    with shadow(repository, question["scratch"] if facts["missing"] else tree, question["scratch"]) as git:
        with _noting(facts):
            _commits(question, repository, git, facts)
        if not facts["missing"]:
            with _noting(facts):
                _files(git, facts)


@contextlib.contextmanager
def _noting(facts: dict[str, Any]) -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        facts["unreadable"].append(refused.detail)
    except OSError as error:
        where = error.filename if isinstance(error.filename, str) else "the tree"
        facts["unreadable"].append(f"{shown(where)}: {error.strerror}")


def _patiently(tree: str) -> dict[str, Any]:
    found = sitting(tree)
    for _ in range(LOOKS - 1):
        if not found["count"]:
            break
        time.sleep(LOOK_SECONDS)
        found = sitting(tree)
    return found


def _stranger(question: dict[str, Any], missing: bool) -> str | None:
    """Why this is not the tree that was registered; None when it is. Both ends must point at each other."""
    gitdir, registered = question["gitdir"], question["registered"]
    if gitdir is None:
        return None if missing else "the repository does not know this worktree"
    back = read_file(os.path.join(gitdir, "gitdir"), LINE)
    common = read_file(os.path.join(gitdir, "commondir"), LINE)
    if back is None or common is None:
        return "the repository does not know this worktree any more"
    if not _same(os.path.join(gitdir, os.fsdecode(back).rstrip("\n")), os.path.join(registered, ".git")):
        return "the repository has this worktree at another place"
    if not _same(os.path.join(gitdir, os.fsdecode(common).rstrip("\n")), question["common"]):
        return "the worktree's registration belongs to another repository"
    if missing:
        return None
    told = read_gitfile(question["tree"])
    if told is None:
        return "its .git file is gone or replaced"
    if not _same(os.path.join(registered, told), gitdir):
        return "its .git file points to another repository"
    return None


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _commits(question: dict[str, Any], repository: Repository, git: Shadow, facts: dict[str, Any]) -> None:
    own = f"refs/heads/{question['branch']}"
    branch, facts["branch_at"] = repository.head()[0], repository.resolve(own)
    facts["head"] = git.head if question["gitdir"] else facts["branch_at"]
    logs = ["HEAD", branch, own] if question["gitdir"] else [own]
    logged = {ref: {oid for line in repository.log(ref) for oid in (line.old, line.new)} for ref in logs if ref}
    tips = {facts["head"], facts["branch_at"]}.union(*logged.values())
    if question["gitdir"]:
        tips |= repository.own_pointers()
        facts["stashes"] = _several(_stashes(repository, {own, str(branch)}, logged["HEAD"], git))
    known = repository.remotes() | {question["base_commit"]} | _base(question["base_ref"], repository, own)
    there = _existing(git, tips | known)
    if facts["head"] not in there and (question["gitdir"] or facts["head"]):
        raise unreadable("HEAD of the tree names no commit that is there")
    ours, theirs = ({there[oid] for oid in oids if oid in there} for oids in (tips, known))
    facts["unpushed"] = _several(_reachable(git, ours, theirs, f"--max-count={COMMITS}"))
    facts["tips"] = sorted(ours & set(_reachable(git, ours, {facts["head"]} - {None})))[:COMMITS]


def _reachable(git: Shadow, tips: set[str], hidden: set[str], *options: str) -> list[str]:
    """The commits that `tips` lead to and `hidden` do not."""
    if tips <= hidden:
        return []  # as for most trees that are deleted: spare them the process
    ask = "".join([f"{oid}\n" for oid in sorted(tips)] + [f"^{oid}\n" for oid in sorted(hidden)]).encode()
    told = git.git("rev-list", *options, "--stdin", limit=COMMITS * LINE, stdin=ask)
    return told.output.decode().split()


def _base(base_ref: str | None, repository: Repository, own: str) -> set[str]:
    """Where the base is today: a local branch that has taken the work in holds it as well as a remote."""
    names = [f"refs/heads/{base_ref}", f"refs/remotes/{base_ref}"] if base_ref else []
    found: set[str] = set()
    for name in names:
        if name != own and base_ref != "HEAD":
            with contextlib.suppress(Refused):  # not a name of a ref: a commit was given
                found.add(repository.resolve(name) or "")
    return found


def _existing(git: Shadow, oids: set[str | None]) -> dict[str, str]:
    """The commit that each names, of those that are there; what was lost before cannot be lost by us."""
    asked = sorted(oid for oid in oids if oid and OID.fullmatch(oid) and oid.strip("0"))
    ask = "".join(f"{oid}^{{commit}}\n" for oid in asked).encode()
    told = git.git("cat-file", "--batch-check=%(objectname)", limit=len(ask) * 2 + LINE, stdin=ask)
    found = zip(asked, told.output.decode().split("\n"), strict=False)
    return {oid: commit for oid, commit in found if OID.fullmatch(commit)}


def _stashes(repository: Repository, branches: set[str], on_head: set[str], git: Shadow) -> list[str]:
    """Stashes are shared by all trees of a repository: those made on our branch, or on a commit that HEAD was at
    while it was on no branch."""
    names = {branch.removeprefix("refs/heads/") for branch in branches}
    found = []
    for number, line in enumerate(reversed(repository.log("refs/stash"))):
        made = STASHED.match(line.message)
        ours = made and (made[1] in names or (made[1] == "(no branch)" and _parent(git, line.new) in on_head))
        if ours:
            found.append(f"stash@{{{number}}}: {line.message}")
    return found


def _parent(git: Shadow, commit: str) -> str:
    told = git.git("rev-parse", "--verify", "--quiet", f"{commit}^1", limit=LINE, codes=(0, 1, 128))
    return told.output.decode(errors="replace").strip()


def _files(git: Shadow, facts: dict[str, Any]) -> None:
    nested = _survey(git.tree)
    links = git.reveal()
    filled = [path for path in links if not is_empty_place(os.path.join(git.tree, path))]
    facts["submodules"] = _several(filled)
    status = git.git(
        *("status", "--porcelain=v2", "-z", "--untracked-files=all", "--ignored=matching"),
        *("--ignore-submodules=all", "--no-renames"),  # all: git would run inside of them; see `submodules`
        limit=STATUS_OCTETS,
    )
    found: dict[str, list[str]] = {"changed": [], "untracked": [], "ignored": []}
    for record in status.output.split(b"\0")[:-1]:
        kind = KINDS.get(record[:1], "changed")
        # In front of the path: `1` has 8 fields, `u` has 10, `?` and `!` have one.
        fields = {b"1": 8, b"u": 10}.get(record[:1], 1)
        found[kind].append(os.fsdecode(record.split(b" ", fields)[-1]))
    told = (*(f"{link}/" for link in filled), *(path for path in found["untracked"] if path.endswith("/")))
    found["untracked"] += [path for path in nested if not path.startswith(told)]
    facts |= {kind: _several(paths) for kind, paths in found.items()}
    if status.cut:
        raise unreadable("more files have changed than can be listed")


def _survey(tree: str) -> list[str]:
    """The repositories inside the tree, which git would pass over. Raises Refused for what git could not look at."""
    nested = []
    for number, (path, entry) in enumerate(walk(tree)):
        if isinstance(entry, OSError):
            raise unreadable(f"{shown(path)} cannot be looked into: {entry.strerror}")
        if number > ENTRIES:
            raise unreadable("there are too many files to look at")
        if entry.name.casefold() == ".git" and path != ".git":
            nested.append(path)
        if entry.name in RULES and not (entry.is_file(follow_symlinks=False) or entry.is_symlink()):
            raise unreadable(f"{shown(path)} is not a file")
    return nested


def _several(found: list[str]) -> dict[str, Any]:
    return {"count": len(found), "found": [shown(one) for one in found[:SHOWN]]}
