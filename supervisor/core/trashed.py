"""What the trash knows of a deleted session: enough to bring it back, and to finish what a crash cut short."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from workers.core.events import SECOND, now_text

KEEP_SECONDS = 30 * 24 * 3600  # how long the trash is kept when nobody says otherwise
VERSION = 1


@dataclass(frozen=True, slots=True)
class Trashed:
    """One deleted session. `done` is false while it is being deleted or restored: then it is to be brought back.

    The fields from `repository` on are None where there was no worktree: then only the record went. `gitdir` is the
    registration as it was (None: git knew the tree no more), `head` and `branch_at` are commits. `deleted_ns` is ns
    since 1970.
    """

    id: str
    name: str
    spawn_mode: str
    workspace: str
    project_path: str
    deleted_ns: int
    done: bool = False
    repository: str | None = None
    gitdir: str | None = None
    branch: str | None = None
    branch_at: str | None = None
    head: str | None = None
    archived_ref: str | None = None

    @property
    def restorable_until(self) -> str:
        return now_text(self.deleted_ns + KEEP_SECONDS * SECOND)

    def is_older(self, seconds: float, now_ns: int) -> bool:
        """Whether it was deleted at least that long ago."""
        return self.deleted_ns <= now_ns - int(seconds * SECOND)

    def describe(self, directory: str) -> dict[str, Any]:
        """A row of the trash as people see it; `directory` is where it lies."""
        return {
            "id": self.id,
            "name": self.name,
            "spawn_mode": self.spawn_mode,
            "workspace": self.workspace,
            "branch": self.branch,
            "archived_ref": self.archived_ref,
            "trash": directory,
            "deleted_at": now_text(self.deleted_ns),
            "restorable_until": self.restorable_until,
        }

    def answer(self, directory: str) -> dict[str, str | None]:
        """What a deletion is answered with; nothing but the record went where there was no worktree."""
        if self.branch is None:
            return {"archived_ref": None, "trash": None, "restorable_until": None}
        return {"archived_ref": self.archived_ref, "trash": directory, "restorable_until": self.restorable_until}

    def to_json(self) -> str:
        return json.dumps({"version": VERSION, **dataclasses.asdict(self)})

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Trashed:
        """The inverse. Raises ValueError for anything that is not one of a version we read."""
        fields = dict(value)
        if fields.pop("version", None) != VERSION:
            raise ValueError("of another version")
        try:
            return cls(**fields)
        except TypeError as error:
            raise ValueError(f"not a record of the trash: {error}") from error
