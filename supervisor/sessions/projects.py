"""The directories a box serves."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import trio

from supervisor.core.names import slug
from workers.errors import Refused


@dataclass(frozen=True, slots=True)
class Project:
    """A directory the box serves. `id` is its last name as a slug, with a number where two would be the same."""

    id: str
    path: str


class Projects:
    """All projects of a box, in the order in which they were added. The first is the one that is meant by default."""

    def __init__(self, known: Iterable[Project], state_dir: str | None = None) -> None:
        """`state_dir` is the box's own, where nobody is to work."""
        self._known = {project.id: project for project in known}
        self._state_dir = state_dir

    def __iter__(self) -> Iterator[Project]:
        return iter(tuple(self._known.values()))

    @contextlib.contextmanager
    def undoing(self) -> Iterator[None]:
        """What is added or removed in here is so only when it could also be written down."""
        before = dict(self._known)
        try:
            yield
        except BaseException:
            self._known = before
            raise

    async def add(self, path: str) -> Project:
        """Serve this directory from now on; one that is served already is given back. Raises Refused `invalid`."""
        real, is_there, is_ours = await trio.to_thread.run_sync(_look, path, self._state_dir)
        known = self._at(real)
        if known is not None:
            return known
        if not is_there:
            raise Refused("invalid", f"{real} is not a directory", "name a directory that is there")
        if is_ours:
            raise Refused("invalid", f"{real} is where the box keeps its state", "name a directory of your own")
        project = Project(self._new_id(os.path.basename(real)), real)
        self._known[project.id] = project
        return project

    def _at(self, path: str) -> Project | None:
        return next((project for project in self if project.path == path), None)

    def _new_id(self, name: str) -> str:
        base = slug(name) if name.strip() else "root"
        number, wanted = 1, base
        while wanted in self._known:
            number += 1
            wanted = f"{base}-{number}"
        return wanted

    def remove(self, wanted: str) -> Project:
        """Serve it no longer; its sessions go on. Raises Refused `unknown_project`."""
        project = self.find(wanted)
        del self._known[project.id]
        return project

    async def locate(self, wanted: str | None) -> Project:
        """The project of this id or path, whichever links lead there; without one, the first. Raises Refused
        `unknown_project`."""
        if wanted is not None and os.path.isabs(wanted) and self._at(wanted) is None:
            wanted = await trio.to_thread.run_sync(os.path.realpath, wanted)
        return self.find(wanted)

    def find(self, wanted: str | None) -> Project:
        """The same, for an id or the very path that is served: the disk is not looked at."""
        if wanted is None:
            for project in self:
                return project
            raise Refused("unknown_project", "this box serves no project", "add one with: rc project add PATH")
        found = self._known.get(wanted) or self._at(wanted)
        if found is not None:
            return found
        raise Refused(
            "unknown_project",
            f"this box does not serve {wanted}",
            "rc project ls shows what it serves, rc project add PATH adds one",
            projects=list(self._known),
        )


def _is_of_the_box(real: str, state_dir: str) -> bool:
    """The state directory and what is in it; a session's tree is a place to work like any other."""
    own = os.path.realpath(state_dir)
    trees = os.path.join(own, "worktrees") + os.sep
    return (real == own or real.startswith(own + os.sep)) and not real.startswith(trees)


def _look(path: str, state_dir: str | None) -> tuple[str, bool, bool]:
    """The path without links, whether a directory is there, and whether it is the box's own."""
    real = os.path.realpath(path)
    return real, os.path.isdir(real), state_dir is not None and _is_of_the_box(real, state_dir)
