"""Where branches are, and who has them checked out."""

from __future__ import annotations

import os

from supervisor.sessions import git, refs
from supervisor.sessions.repositories import Repository


async def at(repository: Repository, branch: str) -> str | None:
    """The commit of a branch, None when there is none of that name."""
    wanted = refs.branch_ref(branch)
    ran = await git.run(
        *("for-each-ref", "--format=%(objectname) %(refname)", "--", wanted),
        cwd=repository.common_dir,
        git_dir=repository.common_dir,
    )
    found = (line.partition(" ") for line in ran.lines)
    return next((commit for commit, _, ref in found if ref == wanted), None)


async def is_in_use(repository: Repository, branch: str) -> bool:
    """Whether some working tree of the repository is on this branch."""
    ran = await git.succeed(
        *("worktree", "list", "--porcelain"), cwd=repository.common_dir, git_dir=repository.common_dir
    )
    return f"branch {refs.branch_ref(branch)}" in ran.lines


def detach(registration: str, branch: str, head: str | None) -> None:
    """Have a registration that is out of the repository name its commit instead of a branch that is not its own now."""
    path = os.path.join(registration, "HEAD")
    with open(path, "rb") as file:
        on_branch = os.fsdecode(file.read()).strip() == f"ref: {refs.branch_ref(branch)}"
    if on_branch and head:
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(f"{head}\n")
        os.rename(path + ".new", path)
