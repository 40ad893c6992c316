"""Bases: the commit that a new worktree begins at, and the one shared fetch that makes it fresh."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from supervisor.sessions import git
from supervisor.sessions.repositories import Repository
from workers.errors import Refused

FETCH_SECONDS = 5.0  # whoever asks for a session waits no longer than this for a remote that does not answer
FRESH_SECONDS = 5.0  # a fetch that ended this short a time ago is not repeated: sessions often come in bursts
# A worktree that is being registered at this moment has no HEAD yet, or an empty `commondir`: git stumbles over both.
HALF_REGISTERED = ("bad object worktrees/", "/commondir")
FETCH_PAUSE = 0.02  # before a fetch that died beside a registration is tried again; one takes some 6 ms
ORIGIN_HEAD = "refs/remotes/origin/HEAD"
TRACKING = "refs/remotes/origin/"
REF_MAX = 255
# A name of a ref or commit, then steps back from it. Not all that git can read: searching (`:/text`), times and
# reflogs (`@{…}`) and ranges are no names of a commit, and a dash in front would be an option.
REF = re.compile(
    r"(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|$)))[^\s\x00-\x1f\x7f~^:?*\[\\/.-][^\s\x00-\x1f\x7f~^:?*\[\\]*([~^][0-9]*)*"
)


@dataclass(frozen=True, slots=True)
class Base:
    """Where a tree begins. `ref` is what it was called (`origin/main`, `main`, `HEAD` when detached, …); `notice`
    says what people should know of the choice, such as a fetch that failed."""

    commit: str
    ref: str
    notice: str | None = None


@dataclass(slots=True)
class _Fetch:
    """One fetch under way or just ended. `done` without an `outcome`: who ran it was cancelled."""

    done: trio.Event = field(default_factory=trio.Event)
    outcome: str | None = None
    ended: float | None = None


class Fetcher:
    """Fetches a repository's default branch once for all who ask at the same time."""

    def __init__(self, clock: Callable[[], float] = trio.current_time, seconds: float = FETCH_SECONDS) -> None:
        self._clock = clock
        self._seconds = seconds
        self._fetches: dict[tuple[str, str], _Fetch] = {}  # as many as the box has projects

    async def fetch(self, repository: Repository, branch: str) -> str:
        """Bring `refs/remotes/origin/<branch>` up to date. Returns why it could not be done, empty when it was."""
        key = (repository.common_dir, branch)
        while True:
            fetch = self._fetches.get(key)
            if fetch is None or self._is_stale(fetch):
                self._fetches[key] = fetch = _Fetch()
                return await self._run(fetch, repository, branch)
            await fetch.done.wait()
            if fetch.outcome is not None:
                return fetch.outcome

    def _is_stale(self, fetch: _Fetch) -> bool:
        if not fetch.done.is_set():
            return False
        return fetch.ended is None or self._clock() - fetch.ended > FRESH_SECONDS

    async def _run(self, fetch: _Fetch, repository: Repository, branch: str) -> str:
        try:
            fetch.outcome = await _fetch(repository, branch, self._seconds)
            fetch.ended = self._clock()
            return fetch.outcome
        finally:
            fetch.done.set()


async def _fetch(repository: Repository, branch: str, seconds: float) -> str:
    # One branch and nothing else: no tags, no FETCH_HEAD, no submodules. It is a person's repository.
    arguments = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
    refspec = f"+refs/heads/{branch}:{TRACKING}{branch}"
    why = f"it took longer than {seconds:g} s"
    with trio.move_on_after(seconds):
        while True:
            ran = await git.run(
                *(*arguments, "--", "origin", refspec), cwd=repository.common_dir, git_dir=repository.common_dir
            )
            why = "" if ran.code == 0 else git.cause(ran)
            if ran.code == 0 or not any(words in ran.errors for words in HALF_REGISTERED):
                return why
            await trio.sleep(FETCH_PAUSE)
    return why


async def resolve_base(repository: Repository, base: str, fetcher: Fetcher) -> Base:
    """The commit that `base` means: `fresh` (origin's default branch after a fetch), `head`, or a name of a commit.

    Raises Refused: `bad_base` for what names no commit, `not_a_repository` where there is no commit yet.
    """
    if base == "fresh":
        return await _fresh(repository, fetcher)
    if base == "head":
        return await _head(repository)
    return await _named(repository, base)


async def _fresh(repository: Repository, fetcher: Fetcher) -> Base:
    branch = await _default_branch(repository)
    if branch is None:
        return await _head(repository)
    why = await fetcher.fetch(repository, branch)
    commit = await _commit(repository, TRACKING + branch)
    if commit is None:
        return await _head(repository)
    notice = f"origin could not be fetched ({why}): this begins at the last known origin/{branch}" if why else None
    return Base(commit, f"origin/{branch}", notice)


async def _default_branch(repository: Repository) -> str | None:
    ran = await git.run("symbolic-ref", "-q", ORIGIN_HEAD, cwd=repository.common_dir, git_dir=repository.common_dir)
    target = ran.lines[0] if ran.code == 0 and ran.lines else ""
    return target.removeprefix(TRACKING) if target.startswith(TRACKING) else None


async def _head(repository: Repository) -> Base:
    ran = await git.run(
        *("rev-parse", "HEAD^{commit}", "--symbolic-full-name", "HEAD"),
        cwd=repository.git_dir,
        git_dir=repository.git_dir,
    )
    if ran.code != 0:
        raise await _no_commit(repository, ran)
    commit, name = ran.lines
    return Base(commit, name.removeprefix("refs/heads/"))


async def _no_commit(repository: Repository, failed: git.Ran) -> Refused:
    branch = await git.run("symbolic-ref", "-q", "HEAD", cwd=repository.git_dir, git_dir=repository.git_dir)
    if branch.code != 0:
        return git.failure(failed, repository.common_dir)
    name = branch.lines[0].removeprefix("refs/heads/")
    return Refused(
        "not_a_repository",
        f"{repository.root} has no commit on its branch {name} yet, and a worktree begins at a commit",
        "make a first commit, or name another base with --base REF",
    )


async def _named(repository: Repository, base: str) -> Base:
    if len(base) <= REF_MAX and REF.fullmatch(base):
        # A branch that only origin has is meant by its plain name, as git itself would take it.
        for name in (base, f"origin/{base}"):
            commit = await _commit(repository, name)
            if commit is not None:
                return Base(commit, name)
    raise Refused(
        "bad_base", f"{base[:REF_MAX]!r} names no commit of {repository.root}", "git branch -a shows the branches"
    )


async def _commit(repository: Repository, name: str) -> str | None:
    ran = await git.run(
        *("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"),
        cwd=repository.git_dir,
        git_dir=repository.git_dir,
    )
    return ran.lines[0] if ran.code == 0 else None
