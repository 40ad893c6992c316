"""Deleting a session without losing work, and bringing it back.

The tree is looked at, renamed into the trash, and looked at again there: what came between the first look and the
rename is seen by the second, and then everything goes back. Until the very end there is a record that says `not done`;
whoever finds one after a crash brings the session back by the same steps as `restore`, each of which may be repeated.
"""

from __future__ import annotations

import errno
import os
import secrets
import shlex
import shutil
from dataclasses import dataclass, replace

import structlog
import trio

from supervisor.core.gate import RUNNING, GateFacts, Reason, reasons
from supervisor.core.trashed import Trashed
from supervisor.sessions import branches, git, refs, registrations
from supervisor.sessions.inspect import Inspector, Place
from supervisor.sessions.repositories import Repository, discover
from supervisor.sessions.trash import Trash
from supervisor.sessions.worktrees import Worktrees, move_tree
from workers.bundle import Bundle
from workers.core.spec import Spec
from workers.errors import Refused

IN_THE_WAY = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ground:
    """A session's tree and the repository that it belongs to."""

    repository: Repository
    place: Place


class Deletion:
    """`delete` and `restore` may refuse. What fails halfway is undone, or else done again at the next start.

    One at a time for each session, which is the caller's to see to.
    """

    def __init__(self, trash: Trash, inspector: Inspector, worktrees: Worktrees) -> None:
        self._trash = trash
        self._inspector = inspector
        self._worktrees = worktrees

    async def delete(self, spec: Spec, name: str, *, running: bool, keep_branch: bool) -> dict[str, str | None]:
        """Remove a session that has ended, and its own worktree: {archived_ref, trash, restorable_until}.

        Raises Refused `kept` with `reasons` when anything could be lost, `git_failed` or `disk_full`.
        """
        bundle = Bundle(os.path.join(self._trash.bundles, spec.id))
        lock = None if running else await trio.to_thread.run_sync(_try_lock, bundle)
        if lock is None:
            raise kept(name, [RUNNING])
        try:
            return await self._delete(spec, name, keep_branch)
        finally:
            os.close(lock)

    async def find(self, id: str) -> Trashed:
        """What the trash knows of a session. Raises Refused `unknown_session`."""
        entry = await trio.to_thread.run_sync(self._trash.read, id)
        if entry is None:
            raise Refused("unknown_session", "there is no such session", "rc trash shows what was deleted")
        return entry

    async def restore(self, id: str) -> str:
        """Bring a deleted session back: its bundle's directory. The tree stands where it stood, on its branch."""
        entry = await self.find(id)
        if entry.done and self._is_taken(entry):
            detail = f"something stands at {entry.workspace}, where its tree was"
            raise Refused("invalid_state", detail, "move it away, then try again")
        await self._repository(entry)
        try:
            await trio.to_thread.run_sync(self._trash.write, replace(entry, done=False))
            await self._bring_back(entry)
        except OSError as error:
            raise git.refused_by(error, f"move the session back to {entry.workspace}") from error
        log.info("session_restored", session=id)
        return os.path.join(self._trash.bundles, id)

    async def recover(self) -> list[str]:
        """After a crash, before bundles are read: bring back what was half deleted or half restored. Their ids."""
        await self._inspector.sweep()
        found = [entry for entry in await trio.to_thread.run_sync(self._trash.entries) if not entry.done]
        for entry in found:
            await self._try_to_bring_back(entry)
        await trio.to_thread.run_sync(self._trash.tidy)
        return [entry.id for entry in found]

    async def ground(self, spec: Spec) -> Ground:
        """Where a session's own worktree and its repository are. Raises Refused when the repository is gone."""
        repository = await discover(spec.project_path)
        if repository is None or spec.branch is None:
            raise Refused("not_a_repository", f"{spec.project_path} is in no git repository", "bring it back")
        gitdir = await trio.to_thread.run_sync(registrations.find, repository, spec.id, spec.workspace)
        where, base = spec.workspace, spec.base_commit or ""
        place = Place(where, where, gitdir, repository.common_dir, spec.branch, base, spec.base_ref)
        return Ground(repository, place)

    # Deleting

    async def _delete(self, spec: Spec, name: str, keep_branch: bool) -> dict[str, str | None]:
        entry = Trashed(
            spec.id, name, spec.spawn_mode, spec.workspace, spec.project_path, self._trash.now_ns(), branch=spec.branch
        )
        await self._finish(spec.id)
        ground, facts = None, GateFacts()
        if spec.branch is not None:
            try:
                ground = await self.ground(spec)
            except Refused as refused:
                refusal = kept(name, [Reason("unreadable", refused.detail)])
                back = f"bring the repository back to {spec.project_path}, then delete it again"
                refusal.hint = f"{back}; until then rc archive {shlex.quote(name)} puts it out of sight"
                raise refusal from refused
            await self._check_not_moved(spec, name, ground)
            facts = await self._look(name, ground.place)
            common, gitdir = ground.repository.common_dir, ground.place.gitdir
            entry = replace(entry, repository=common, gitdir=gitdir, branch_at=facts.branch_at, head=facts.head)
        try:
            await trio.to_thread.run_sync(self._trash.write, entry)
            if ground is not None:
                entry = await self._take_tree(entry, ground, facts, keep_branch)
            await trio.to_thread.run_sync(self._take_bundle, entry)
        except BaseException as error:
            with trio.CancelScope(shield=True):
                await self._try_to_bring_back(entry)
            if isinstance(error, OSError):
                raise git.refused_by(error, f"move {entry.workspace} into the trash") from error
            raise
        log.info("session_deleted", session=spec.id, archived_ref=entry.archived_ref)
        return entry.answer(self._trash.path(spec.id))

    async def _finish(self, id: str) -> None:
        """Bring wholly back what came back by half, as when the repository was not there."""
        left = await trio.to_thread.run_sync(self._trash.read, id)
        if left is not None:
            await self._bring_back(left)

    async def _check_not_moved(self, spec: Spec, name: str, ground: Ground) -> None:
        """Raises Refused `kept` when the tree stands somewhere else: nothing would be taken but its branch."""
        if ground.place.gitdir is not None or _is_there(spec.workspace):
            return
        there = await trio.to_thread.run_sync(registrations.moved_to, ground.repository, spec.id, spec.workspace)
        if there is not None:
            back = f"git worktree move -f -f {shlex.quote(there)} {shlex.quote(spec.workspace)}"
            mark = f"git worktree lock --reason '{registrations.lock_reason(spec.id)}' {shlex.quote(spec.workspace)}"
            refusal = kept(name, [Reason("not_ours", f"its worktree was moved to {there}")])
            refusal.hint = f"in the project, run: {back}; {mark}"
            raise refusal

    async def _look(self, name: str, place: Place) -> GateFacts:
        facts = await self._inspector.gate(place)
        found = reasons(facts)
        if found:
            raise kept(name, found)
        return facts

    async def _take_tree(self, entry: Trashed, ground: Ground, facts: GateFacts, keep_branch: bool) -> Trashed:
        """Rename, look again, archive, unregister. What is on its way when this fails, `_bring_back` finds."""
        place, repository = ground.place, ground.repository
        if not facts.missing:
            there = self._trash.path(entry.id, "tree")
            await move_tree(place.tree, there)
            facts = await self._look(entry.name, replace(place, tree=there))
            entry = replace(entry, branch_at=facts.branch_at, head=facts.head)
        commits = _to_archive(facts)
        if commits:
            await refs.archive_refs(repository, entry.id, commits)
            entry = replace(entry, archived_ref=refs.archive_ref(entry.id, next(iter(commits))))
        await trio.to_thread.run_sync(self._trash.write, entry)
        registration = self._trash.path(entry.id, "registration")
        if place.gitdir and not await self._worktrees.unregister(repository, entry.id, place.registered, registration):
            raise kept(entry.name, [Reason("not_ours", "the repository has just forgotten this worktree")])
        if facts.branch_at and not keep_branch and not await branches.is_in_use(repository, place.branch):
            await refs.delete_branch_if_at(repository, place.branch, facts.branch_at)
        return entry

    def _take_bundle(self, entry: Trashed) -> None:
        os.rename(os.path.join(self._trash.bundles, entry.id), self._trash.path(entry.id, "bundle"))
        self._trash.write(replace(entry, done=True))

    # Bringing back

    async def _try_to_bring_back(self, entry: Trashed) -> None:
        try:
            await self._bring_back(entry)
        except (Refused, OSError) as error:  # the record stays, and the next start tries again
            log.error("not_brought_back", session=entry.id, detail=str(error))

    async def _bring_back(self, entry: Trashed) -> None:
        """Every step looks whether it is still to be done, so that this may be called after any of them."""
        tree, bundle = self._trash.path(entry.id, "tree"), self._trash.path(entry.id, "bundle")
        if _is_there(tree):
            await trio.to_thread.run_sync(_put, tree, entry.workspace)
        if _is_there(bundle):
            await trio.to_thread.run_sync(os.rename, bundle, os.path.join(self._trash.bundles, entry.id))
        repository = await self._repository(entry)
        if repository is not None and entry.branch is not None:
            await self._register(repository, entry, entry.branch)
        await trio.to_thread.run_sync(self._trash.forget, entry.id)

    async def _register(self, repository: Repository, entry: Trashed, branch: str) -> None:
        at, registration = entry.branch_at, self._trash.path(entry.id, "registration")
        own = at is None or await refs.create_branch(repository, branch, at)
        own = own or at == await branches.at(repository, branch)
        if _is_there(registration):
            if not own or await branches.is_in_use(repository, branch):
                await trio.to_thread.run_sync(branches.detach, registration, branch, entry.head)
            if _is_there(entry.workspace):
                await self._worktrees.reregister(repository, entry.id, entry.workspace, registration)
            elif entry.gitdir is not None:  # the tree was gone before we came; so it is again
                await trio.to_thread.run_sync(_put_registration, registration, entry.gitdir)
        # Also where the record names none: a crash may have come between the archiving and the word of it.
        await refs.drop_archive(repository, entry.id)

    async def _repository(self, entry: Trashed) -> Repository | None:
        """The repository that the tree is of; None when there is no tree. Raises Refused when it is not there."""
        if entry.repository is None:
            return None
        repository = await discover(entry.project_path)
        if repository is None or repository.common_dir != entry.repository:
            raise Refused("project_gone", f"the repository {entry.repository} is not there any more", "bring it back")
        return repository

    def _is_taken(self, entry: Trashed) -> bool:
        return _is_there(self._trash.path(entry.id, "tree")) and _is_there(entry.workspace)


def kept(name: str, found: list[Reason]) -> Refused:
    """The refusal of a deletion, with its reasons."""
    detail = f"session {name} is kept: {'; '.join(reason.detail for reason in found)}"
    hint = "commit and push what is worth it, remove the rest, then delete it again"
    if found == [RUNNING]:
        hint = f"end it first: rc stop {name}"
    return Refused("kept", detail, hint, reasons=[reason.to_json() for reason in found])


def _to_archive(facts: GateFacts) -> dict[str, str]:
    """What the archive refs are to hold: HEAD, the branch, and what else only reflogs lead to."""
    named = {"HEAD": facts.head, "branch": facts.branch_at}
    return {name: commit for name, commit in named.items() if commit} | {f"log/{tip}": tip for tip in facts.tips}


def _try_lock(bundle: Bundle) -> int | None:
    try:
        return bundle.try_lock()
    except FileNotFoundError as error:
        raise Refused("unknown_session", "there is no such session", "rc ls -a shows those that there are") from error


def _is_there(path: str) -> bool:
    return os.path.lexists(path)


def _put_registration(registration: str, gitdir: str) -> None:
    if not os.path.lexists(gitdir):  # another tree may have the name now
        os.makedirs(os.path.dirname(gitdir), exist_ok=True)
        shutil.move(registration, gitdir)  # by copying, where repository and state lie on two file systems


def _put(tree: str, workspace: str) -> None:
    """Rename the tree back. What has come to stand there meanwhile is moved aside, never removed."""
    os.makedirs(os.path.dirname(workspace), mode=0o700, exist_ok=True)
    try:
        os.rename(tree, workspace)
    except OSError as error:
        if error.errno not in IN_THE_WAY:
            raise
        aside = f"{workspace}.in-the-way-{secrets.token_hex(4)}"
        os.rename(workspace, aside)
        log.warning("moved_aside", path=aside)
        os.rename(tree, workspace)
