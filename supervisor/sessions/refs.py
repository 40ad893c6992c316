"""Branches and archive refs, changed one at a time and only from the value that they are known to have."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from supervisor.sessions import git
from supervisor.sessions.repositories import Repository
from workers.errors import Refused

ARCHIVE = "refs/rc/archive/"
NAME = re.compile(r"(?!.*(?:\.\.|\.lock(?:/|$)|/\.|//))[A-Za-z0-9][A-Za-z0-9._/-]*(?<![./])")
COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


async def create_branch(
    repository: Repository,
    branch: str,
    commit: str,
    env: Mapping[str, str] | None = None,
    holds: int | None = None,
) -> bool:
    """Make a branch. False when there is one of that name already, or one that git cannot have beside it.

    `env` and `holds` are as `git.run` takes them.
    """
    ref = branch_ref(branch)
    ran = await _update(repository, f"create {ref}\0{_commit(commit)}\0", env, holds)
    if ran.code == 0:
        return True
    # A git that was killed may have made it before: then it is ours, and to be taken back.
    if ran.code > 0 and (await has_ref(repository, ref) or await _is_blocked(repository, ref)):
        return False
    raise git.failure(ran, repository.common_dir)


async def delete_branch_if_at(repository: Repository, branch: str, commit: str) -> bool:
    """Delete a branch if it still is at `commit`: True when it is gone now, False when it is elsewhere and stays.

    Raises Refused `git_failed` when it could not be deleted.
    """
    ref = branch_ref(branch)
    ran = await _update(repository, f"delete {ref}\0{_commit(commit)}\0")
    if ran.code == 0:
        return True
    shown = await _git(repository, "show-ref", "--verify", "--hash", "--", ref)
    if shown.lines == [commit]:
        raise git.failure(ran, repository.common_dir)
    return shown.code != 0


def clear_lock(repository: Repository, branch: str) -> None:
    """Remove the lock that a killed git may have left on a branch of ours, which nobody else works on."""
    lock = os.path.join(repository.common_dir, branch_ref(branch) + ".lock")
    if os.path.lexists(lock):
        os.unlink(lock)


async def has_ref(repository: Repository, ref: str) -> bool:
    ran = await _git(repository, "show-ref", "--verify", "--quiet", "--", ref)
    return ran.code == 0


async def archive_refs(repository: Repository, session: str, commits: Mapping[str, str]) -> None:
    """Keep commits from being collected: `refs/rc/archive/<session>/<name>` for each, all of them or none.

    A ref that is there already is moved: archiving again after a crash is no error.
    """
    lines = [f"update {archive_ref(session, name)}\0{_commit(commit)}\0\0" for name, commit in commits.items()]
    ran = await _update(repository, "".join(lines))
    if ran.code != 0:
        raise git.failure(ran, repository.common_dir)


async def archived(repository: Repository, session: str) -> dict[str, str]:
    """The archive refs of a session: name → commit."""
    prefix = archive_ref(session, "x")[:-1]
    ran = await git.succeed(
        *("for-each-ref", "--format=%(objectname) %(refname)", "--", prefix),
        cwd=repository.common_dir,
        git_dir=repository.common_dir,
    )
    return {ref.removeprefix(prefix): commit for commit, _, ref in (line.partition(" ") for line in ran.lines)}


async def drop_archive(repository: Repository, session: str) -> None:
    """Let go of what was archived for a session; a ref that somebody has moved meanwhile stays."""
    refs = await archived(repository, session)
    lines = [f"delete {archive_ref(session, name)}\0{commit}\0" for name, commit in refs.items()]
    ran = await _update(repository, "".join(lines))
    if ran.code != 0:
        raise git.failure(ran, repository.common_dir)


def branch_ref(branch: str) -> str:
    return "refs/heads/" + _name(branch)


def archive_ref(session: str, name: str) -> str:
    return f"{ARCHIVE}{_name(session)}/{_name(name)}"


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise Refused("invalid", f"{text!r} cannot be part of a ref", "use letters, digits, dots, dashes and slashes")
    return text


def _commit(text: str) -> str:
    if not COMMIT.fullmatch(text):
        raise Refused("invalid", f"{text!r} is no id of a commit", "give all its hexadecimal digits")
    return text


async def _is_blocked(repository: Repository, ref: str) -> bool:
    """Whether a ref stands where this one needs a directory: `refs/heads/rc` in the way of `refs/heads/rc/x`."""
    parents = ref.split("/")[3:]
    return any([await has_ref(repository, ref.rsplit("/", above)[0]) for above in range(1, len(parents) + 1)])


async def _update(
    repository: Repository, lines: str, env: Mapping[str, str] | None = None, holds: int | None = None
) -> git.Ran:
    return await git.run(
        *("update-ref", "-z", "--stdin"),
        cwd=repository.common_dir,
        git_dir=repository.common_dir,
        stdin=lines.encode(),
        env=env,
        holds=holds,
    )


async def _git(repository: Repository, *arguments: str) -> git.Ran:
    return await git.run(*arguments, cwd=repository.common_dir, git_dir=repository.common_dir)
