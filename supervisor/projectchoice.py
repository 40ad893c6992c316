"""Which directories a box serves when it starts, and whether it can serve them as it was told."""

from __future__ import annotations

import os
from collections.abc import Iterable

import trio

from supervisor.sessions.projects import Project, Projects
from supervisor.sessions.workspaces import can_have_trees
from supervisor.settings import Settings
from workers.errors import Refused


async def choose(known: Iterable[Project], settings: Settings, named: tuple[str, ...]) -> Projects:
    """The remembered projects and those that were named; the directory we are in when there would be none.

    Raises Refused: a directory that is not there, or worktree mode, asked for now, where nobody can have a tree. A mode
    that is only remembered is no reason not to start: sessions live on in trees whose project is away.
    """
    projects = Projects(known, settings.state_dir)
    for path in named or (() if tuple(projects) else (_here(),)):
        await projects.add(path)
    asked_for = settings.origins["spawn_mode"].source == "flag"
    if settings.spawn_mode == "worktree" and asked_for and not await can_have_trees(projects):
        raise await trio.to_thread.run_sync(_no_trees, list(projects))
    return projects


def _here() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError as error:
        raise Refused("invalid", "the current directory is not there any more", "name one to serve") from error


def _no_trees(projects: list[Project]) -> Refused:
    gone = [project.path for project in projects if not os.path.isdir(project.path)]
    plain = [project.path for project in projects if project.path not in gone]
    causes = [f"{', '.join(plain)} is none"] if plain else []
    causes += [f"{', '.join(gone)} is not there any more"] if gone else []
    hint = "run: git init && git commit --allow-empty -m begin, or serve with --spawn same-dir"
    return Refused(
        "not_a_repository" if plain else "project_gone",
        f"--spawn worktree needs a git repository with a commit, and {' and '.join(causes)}",
        hint if plain else "bring it back, or name another: rc serve PROJECT",
    )
