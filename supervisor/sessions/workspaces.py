"""Workspaces: what a spawn mode means for the directory that a new session works in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import trio

from supervisor.core.names import slug
from supervisor.sessions.bases import Fetcher, resolve_base
from supervisor.sessions.projects import Project
from supervisor.sessions.repositories import NO_REPOSITORY, ProjectFacts, Repository, describe, discover
from supervisor.sessions.worktrees import Worktrees
from workers.core.spec import Spec
from workers.errors import Refused

DEFAULT_BASE = "fresh"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where a session works. `branch` is set for a tree of its own only; the base is HEAD in the project itself, and
    None outside git. `notices` are for people, one sentence each."""

    path: str
    branch: str | None = None
    base_commit: str | None = None
    base_ref: str | None = None
    notices: tuple[str, ...] = ()


class Workspaces:
    """Prepares a workspace, and takes it back while no agent has been started in it."""

    def __init__(self, worktrees: Worktrees, fetcher: Fetcher) -> None:
        self._worktrees = worktrees
        self._fetcher = fetcher

    async def prepare(
        self,
        session: str,
        spawn_mode: str,
        project: str,
        name: str,
        base: str | None,
        neighbours: Sequence[str] = (),
    ) -> Workspace:
        """The workspace of a new session in the directory `project`.

        `neighbours` are names of live sessions in that directory. Raises Refused: `project_gone`, `invalid`,
        `not_a_repository`, `bad_base`, `git_failed`, `disk_full`; then nothing is left of it.
        """
        if not await trio.to_thread.run_sync(_can_be_entered, project):
            raise Refused("project_gone", f"{project} cannot be entered any more", "bring it back, or serve another")
        if spawn_mode == "worktree":
            return await self._own_tree(session, project, name, base or DEFAULT_BASE)
        if base is not None:
            raise Refused("invalid", f"a base has a meaning in worktree mode only, not in {spawn_mode}", "leave it out")
        return await _in_project(project, neighbours)

    def settle(self, spec: Spec) -> None:
        """The agent has been started: whatever happens now, its tree stays."""
        if spec.branch is not None:
            self._worktrees.settle(spec.workspace)

    async def undo(self, spec: Spec) -> None:
        """Take back what `prepare` made for this spec, unless its agent has been started. Never raises Refused."""
        if spec.branch is not None:
            await self._worktrees.roll_back(spec.workspace)

    async def _own_tree(self, session: str, project: str, name: str, base: str) -> Workspace:
        repository = await repository_for_trees(project)
        tree = await self._worktrees.create(
            repository, session, slug(name), await resolve_base(repository, base, self._fetcher)
        )
        return Workspace(
            tree.path, tree.branch, tree.base_commit, tree.base_ref, (*tree.notices, *_place(repository, project))
        )


async def can_have_trees(projects: Iterable[Project]) -> bool:
    """Whether at least one of them is in a git repository that has a commit."""
    for project in projects:
        if (await describe(project.path)).has_commit:
            return True
    return False


async def repository_for_trees(project: str) -> Repository:
    """The repository of a project. Raises Refused `not_a_repository` where worktrees cannot be had."""
    repository = await discover(project)
    if repository is None:
        raise Refused(
            "not_a_repository",
            f"{project} is not in a git repository, so it can have no worktrees",
            "run git init and commit there, or use --spawn same-dir",
        )
    return repository


def _place(repository: Repository, project: str) -> tuple[str, ...]:
    below = os.path.relpath(os.path.realpath(project), repository.root)
    if below == "." or repository.is_bare or below.startswith(".."):
        return ()
    return (f"the project is {below} in its repository; this session works at the top of its own worktree",)


async def _in_project(project: str, neighbours: Sequence[str]) -> Workspace:
    facts: ProjectFacts = await describe(project)
    notices: tuple[str, ...] = ()
    if neighbours:
        verb = "works" if len(neighbours) == 1 else "work"
        notices = (f"{', '.join(neighbours)} {verb} in {project} too: all change the same files",)
    if facts == NO_REPOSITORY or facts.commit is None:
        return Workspace(project, notices=notices)
    return Workspace(project, None, facts.commit, facts.branch or "HEAD", notices)


def _can_be_entered(path: str) -> bool:
    # As the agent will: by what this account may do now, which capabilities may have widened.
    return os.path.isdir(path) and os.access(path, os.R_OK | os.X_OK, effective_ids=True)
