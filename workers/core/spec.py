"""The spec: the frozen record of what was asked when a session was made."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

SPEC_VERSION = 1


@dataclass(frozen=True, slots=True)
class Spec:
    """Everything a worker needs to start an agent, and everything about a session that never changes.

    Paths are absolute. `argv` is empty for an agent that lives inside the product (`echo`), else `argv[0]` is looked
    up in the `PATH` of `env`. `env` is the agent's whole environment. `rows` and `columns` are cells of the first
    terminal size. `created_at` is RFC 3339 in UTC with milliseconds. `made_by` says which road made it: `api`,
    `serve` (`--create-session-in-dir`) or `connect`. `notices` are told as the session's first events. `terminal_keep`
    is in octets of output. `worker` is `local`, or `remote`: then it runs elsewhere, `env` is only what was asked for
    with the session, and `workspace` is empty.
    """

    id: str
    name: str
    agent: str
    adapter: str
    argv: tuple[str, ...]
    env: dict[str, str]
    workspace: str
    project: str
    project_path: str
    spawn_mode: str
    created_at: str
    person: str | None
    device: str | None = None
    branch: str | None = None
    base_commit: str | None = None
    base_ref: str | None = None
    rows: int = 24
    columns: int = 80
    made_by: str = "api"
    notices: tuple[str, ...] = ()
    terminal_keep: int = 64 << 20
    worker: str = "local"

    @property
    def is_remote(self) -> bool:
        return self.worker == "remote"

    def to_json(self) -> str:
        """One JSON object, with the version of its shape."""
        return json.dumps({"version": SPEC_VERSION, **dataclasses.asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> Spec:
        """The inverse of `to_json`. Raises ValueError for anything that is not a spec of a version we read."""
        try:
            fields: dict[str, Any] = json.loads(text)
            if fields.pop("version") != SPEC_VERSION:
                raise ValueError("a spec of another version")
            return cls(**{**fields, "argv": tuple(fields["argv"]), "notices": tuple(fields["notices"])})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a spec: {error}") from error
