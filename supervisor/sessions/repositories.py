"""Repositories: which one a directory belongs to, and what is worth knowing of it."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass

import trio

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # a machine without git still serves same-dir sessions
import git as gitpython

from supervisor.core.names import slug
from supervisor.sessions import git
from workers.errors import Refused

READERS = 4  # threads that may read repositories at once; reading one takes a millisecond
HASH_LENGTH = 8  # 32 bits: tells apart the few repositories of a box that have one name

_readers = trio.CapacityLimiter(READERS)


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository as seen from one directory. All paths are absolute and free of links.

    `root` is the top of the work tree, or the repository itself where that is bare. `git_dir` has the HEAD of this
    work tree, `common_dir` what all work trees share; they differ in a linked worktree only.
    """

    root: str
    git_dir: str
    common_dir: str
    is_bare: bool

    @property
    def label(self) -> str:
        """A name for directories: that of the main repository as a slug, and a part of its path's hash."""
        home = self.common_dir
        name = os.path.basename(os.path.dirname(home) if os.path.basename(home) == ".git" else home)
        digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:HASH_LENGTH]
        return f"{slug(name.removesuffix('.git'))}-{digest}"


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """What a list of projects shows. `commit` and `branch` are HEAD's; the branch is None when HEAD is detached."""

    git: bool
    branch: str | None = None
    commit: str | None = None
    bare: bool = False

    @property
    def has_commit(self) -> bool:
        return self.commit is not None


NO_REPOSITORY = ProjectFacts(git=False)


async def discover(path: str) -> Repository | None:
    """The repository that `path` lies in, None where there is none.

    Works from sub-directories, linked worktrees, submodules and bare repositories. Raises Refused: `project_gone`,
    `not_a_repository` for one that is broken, `git_failed` with git's words for one that git will not read.
    """
    if "\n" in path:
        raise Refused("invalid", "a path with a line break cannot hold worktrees", "rename the directory")
    ran = await git.run(
        *("rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir", "--is-bare-repository"),
        "--show-toplevel",
        cwd=path,
    )
    return await trio.to_thread.run_sync(understand, path, ran, limiter=_readers)


def understand(path: str, ran: git.Ran) -> Repository | None:
    """What the answer of `git rev-parse` in `path` means, held against the `.git` that lies there."""
    marked = marked_git_dir(path)
    if len(ran.lines) < 3:
        if "not a git repository" not in ran.errors:
            raise _unreadable(ran, path)
        if marked is None or "Stopping at filesystem boundary" in ran.errors:
            return None
        raise _broken(path, marked)
    git_dir, common_dir = (os.path.realpath(found) for found in ran.lines[:2])
    # Past a broken `.git` git goes on upwards and may find the repository around it: work would end up there.
    if marked is not None and marked != git_dir and not _is_inside(path, git_dir):
        raise _broken(path, marked)
    root = ran.lines[3] if len(ran.lines) > 3 else git_dir
    return Repository(os.path.realpath(root), git_dir, common_dir, ran.lines[2] == "true")


def marked_git_dir(path: str) -> str | None:
    """The git directory that the nearest `.git` at or above `path` names, whatever its condition."""
    folder = os.path.realpath(path)
    while True:
        marker = os.path.join(folder, ".git")
        if os.path.isfile(marker):
            return os.path.realpath(os.path.join(folder, _pointer(marker)))
        if os.path.lexists(marker):
            return os.path.realpath(marker)
        if folder == os.path.dirname(folder):
            return None
        folder = os.path.dirname(folder)


def _is_inside(path: str, folder: str) -> bool:
    return os.path.commonpath([os.path.realpath(path), folder]) == folder


def _pointer(file: str) -> str:
    with contextlib.suppress(OSError), open(file, "rb") as text:
        return os.fsdecode(text.read(os.pathconf("/", "PC_PATH_MAX")).removeprefix(b"gitdir:").strip())
    return ""


def _unreadable(ran: git.Ran, path: str) -> Refused:
    refused = git.failure(ran, path)
    if "dubious ownership" in ran.errors:
        refused.hint = "it belongs to another account; allow it with: git config --global --add safe.directory PATH"
    return refused


def _broken(path: str, git_dir: str) -> Refused:
    return Refused("not_a_repository", f"{path} has a .git that git cannot read ({git_dir})", "look with: git fsck")


async def describe(path: str) -> ProjectFacts:
    """What a list shows of a project. Never raises: what cannot be read is no repository.

    By GitPython, which reads the files itself: no process is started, so a page may ask as often as it likes.
    """
    return await trio.to_thread.run_sync(read, path, limiter=_readers)


def read(path: str) -> ProjectFacts:
    """The same. Blocks on the disk."""
    # One Repo for one call in one thread: shared between threads it gave corrupt answers, kept it leaks.
    try:
        with gitpython.Repo(path, search_parent_directories=True, expand_vars=False) as repository:
            return _facts(repository)
    except (gitpython.GitError, OSError, ValueError):
        return NO_REPOSITORY


def _facts(repository: gitpython.Repo) -> ProjectFacts:
    head = repository.head
    branch = None if head.is_detached else head.ref.path.removeprefix("refs/heads/")
    try:
        commit = head.dereference_recursive(repository, "HEAD")
    except ValueError:
        commit = None  # a branch that is not born yet
    return ProjectFacts(True, branch, commit, bool(repository.bare))
