"""What lies around the box on disk, seen without holding anybody up: projects with their branches, agents' programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio

from supervisor.sessions.projects import Project, Projects
from supervisor.sessions.repositories import NO_REPOSITORY, ProjectFacts, read
from supervisor.settings import Settings

LOOK_SECONDS = 10.0  # until a branch that somebody switched shows by itself; who asks for the box sees it at once
PATIENCE = 1.0  # seconds; a look takes milliseconds, one at a network that is down may never end


@dataclass(frozen=True, slots=True)
class Sight:
    """One look. `projects` by path, without those that are not there, whose paths are `gone`; `agents` as
    `GET /v1/box` shows them."""

    projects: Mapping[str, ProjectFacts]
    gone: tuple[str, ...]
    agents: list[dict[str, object]]


class Lookout:
    """The newest look, for whoever shows the box. When something has changed, `on_change` is called.

    Nothing is decided by it that must be true at that moment: who starts an agent looks for the program himself.
    """

    def __init__(self, settings: Settings, projects: Projects, on_change: Callable[[], None]) -> None:
        self._settings = settings
        self._projects = projects
        self._on_change = on_change
        self._sight = Sight({}, (), settings.describe_agents())
        self._one = trio.CapacityLimiter(1)  # a look that hangs costs this one thread, and none of everybody's
        self._hangs = False  # whether the last look has not come to its end in time

    @property
    def agents(self) -> list[dict[str, object]]:
        """All agents of the box, each with why it cannot be started, if so."""
        return self._sight.agents

    @property
    def sees_a_project(self) -> bool:
        """Whether the directory of at least one project is there."""
        return any(project.path in self._sight.projects for project in self._projects)

    def notices(self, spawn_mode: str) -> list[str]:
        """What people should know of the projects, a sentence each."""
        told = [
            f"{project.path} is not there any more; bring it back, or: rc project remove {project.id}"
            for project in self._projects
            if project.path in self._sight.gone
        ]
        if spawn_mode == "worktree" and not any(facts.has_commit for facts in self._sight.projects.values()):
            told.append(
                "no project is a git repository with a commit to make worktrees from; rc mode same-dir does without"
            )
        return told

    def describe(self, project: Project) -> dict[str, Any]:
        """A project as `GET /v1/projects` shows it."""
        facts = self._sight.projects.get(project.path, NO_REPOSITORY)
        return {"id": project.id, "path": project.path, "git": facts.git, "branch": facts.branch}

    async def look(self) -> None:
        """Look now, in a thread. A look that does not end in time keeps nobody waiting: what was seen before counts,
        until it has ended and another one is made."""
        if self._hangs and self._one.borrowed_tokens:
            return
        paths = [project.path for project in self._projects]
        with trio.move_on_after(PATIENCE) as patience:
            see = partial(_look, paths, self._settings)
            self._take(await trio.to_thread.run_sync(see, limiter=self._one, abandon_on_cancel=True))
        self._hangs = patience.cancelled_caught

    def _take(self, sight: Sight) -> None:
        if sight != self._sight:
            self._sight = sight
            self._on_change()

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await trio.sleep(LOOK_SECONDS)
            await self.look()


def _look(paths: list[str], settings: Settings) -> Sight:
    there = [path for path in paths if os.path.isdir(path)]
    gone = tuple(path for path in paths if path not in there)
    return Sight({path: read(path) for path in there}, gone, settings.describe_agents())
