"""The directories a box serves."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from supervisor.core.names import slug
from workers.errors import Refused


@dataclass(frozen=True, slots=True)
class Project:
    """A directory the box serves. `id` is its last name as a slug, with a number where two would be the same."""

    id: str
    path: str

    def describe(self) -> dict[str, object]:
        """As the interface shows it; read from the files, because this is asked often and git takes milliseconds."""
        git_dir = _git_dir(self.path)
        branch = _branch(git_dir) if git_dir else None
        return {"id": self.id, "path": self.path, "git": git_dir is not None, "branch": branch}


class Projects:
    """All projects of a box, in the order in which they were added. The first is the one that is meant by default."""

    def __init__(self, known: Iterable[Project]) -> None:
        self._known = {project.id: project for project in known}

    def __iter__(self) -> Iterator[Project]:
        return iter(tuple(self._known.values()))

    def add(self, path: str) -> Project:
        """Serve this directory from now on; one that is served already is given back. Raises Refused `invalid`."""
        real = os.path.realpath(path)
        known = next((project for project in self if project.path == real), None)
        if known is not None:
            return known
        if not os.path.isdir(real):
            raise Refused("invalid", f"{real} is not a directory", "name a directory that is there")
        project = Project(self._new_id(os.path.basename(real)), real)
        self._known[project.id] = project
        return project

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

    def find(self, wanted: str | None) -> Project:
        """The project of this id or path; without one, the first. Raises Refused `unknown_project`."""
        if wanted is None:
            for project in self:
                return project
            raise Refused("unknown_project", "this box serves no project", "add one with: rc project add PATH")
        if wanted in self._known:
            return self._known[wanted]
        real = os.path.realpath(wanted) if os.path.isabs(wanted) else None
        for project in self:
            if project.path == real:
                return project
        raise Refused(
            "unknown_project",
            f"this box does not serve {wanted}",
            "rc project ls shows what it serves, rc project add PATH adds one",
            projects=list(self._known),
        )


def _git_dir(path: str) -> str | None:
    """The git directory that `path` belongs to, as git looks for it: upwards, and through a `.git` file."""
    while True:
        found = os.path.join(path, ".git")
        if os.path.isdir(found):
            return found
        if os.path.isfile(found):
            return _pointed_at(found, path)
        if os.path.isfile(os.path.join(path, "HEAD")) and os.path.isdir(os.path.join(path, "objects")):
            return path  # bare
        parent = os.path.dirname(path)
        if parent == path:
            return None
        path = parent


def _pointed_at(file: str, folder: str) -> str | None:
    text = _first_line(file)
    return os.path.join(folder, text.removeprefix("gitdir:").strip()) if text.startswith("gitdir:") else None


def _branch(git_dir: str) -> str | None:
    """The branch that is checked out; None for a detached HEAD."""
    head = _first_line(os.path.join(git_dir, "HEAD"))
    return head.removeprefix("ref: refs/heads/") if head.startswith("ref: refs/heads/") else None


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readline(4096).strip()
    except OSError:
        return ""
