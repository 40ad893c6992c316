"""What is in a session's workspace, asked of an inspector: changes, directories, files."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import trio

from supervisor.sessions.inspect import Content, Diff, FileFacts, Inspector, Listing
from supervisor.sessions.registrations import find
from supervisor.sessions.repositories import discover
from supervisor.sessions.session import Session
from workers.core.spec import Spec
from workers.errors import Refused


class Contents:
    """Works whether or not the session lives. All methods raise Refused."""

    def __init__(self, inspector: Inspector) -> None:
        self._inspector = inspector

    async def diff(self, session: Session, against: str) -> Diff:
        """What the workspace changed against `base` (what it was made from) or `head` (its last commit)."""
        spec = _here(session)
        commit = spec.base_commit if against == "base" else None
        return await self._inspector.diff(spec.workspace, await registration_of(spec), commit)

    def files(
        self, session: Session, path: str, span: tuple[int | None, int | None] | None = None
    ) -> AbstractAsyncContextManager[Listing | Content]:
        """A directory's entries, or an open file; `path` is relative to the workspace. See `Inspector.files`."""
        return self._inspector.files(_here(session).workspace, path, span)

    async def write(self, session: Session, path: str, body: bytes, mode: int | None = None) -> FileFacts:
        """Put a file there, whole or not at all."""
        return await self._inspector.write(_here(session).workspace, path, body, mode)


def check_here(session: Session) -> None:
    """Raises Refused `invalid_state` for a session whose files are not on this box."""
    if session.spec.is_remote:
        detail = f"the files of session {session.facts.name} are where its remote worker runs"
        raise Refused("invalid_state", detail, "look at them there")


def _here(session: Session) -> Spec:
    check_here(session)
    return session.spec


async def registration_of(spec: Spec) -> str | None:
    """The git directory of a session's own worktree, by our mark; None for a session in the project itself.

    Raises Refused `git_failed` when its registration is gone: without it nothing about the tree can be believed.
    """
    if spec.branch is None:
        return None
    repository = await discover(spec.project_path)
    found = None
    if repository is not None:
        found = await trio.to_thread.run_sync(find, repository, spec.id, spec.workspace)
    if found is None:
        raise Refused(
            "git_failed",
            f"git in {spec.project_path} does not know the worktree {spec.workspace} any more",
            "look with: git worktree list; the files are still there",
        )
    return found
