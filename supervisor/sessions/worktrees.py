"""Worktrees: made in two phases, verified, and taken back whole when something goes wrong on the way."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable

import structlog
import trio

from supervisor.core.names import SUFFIX_OCTETS, branch_name, suffix
from supervisor.sessions import git, refs, registrations
from supervisor.sessions.bases import Base
from supervisor.sessions.makings import RECORD, Making, Tree, begin, forget, forget_if_empty, found, read
from supervisor.sessions.repositories import Repository, discover
from supervisor.sessions.strays import end_strays
from workers.errors import Refused

CHECKOUT_SECONDS = 600.0  # 100,000 files took 5 s; past ten minutes a filter hangs
CHECKOUTS_SPARE = 1  # checkouts at once beyond one per processor: one waits for the disk while the others compute
LOCK_SECONDS = 10.0  # a registration takes milliseconds; who holds the lock for longer is not making one
LOCK_LOOK = 0.01
NAME_TRIES = 5  # six random characters hardly ever meet twice; five times in a row it is something else
ADD_TRIES = 3  # git worktree add fails now and then when somebody else registers a tree at the same moment

log = structlog.get_logger()


class Worktrees:
    """The trees of a box: `<state>/worktrees/<repository>/<slug>-<6>`, each with a branch of the same ending.

    A tree is taken back only while its record (see `makings`) is there, which is until `settle`: the session's
    agent has been started. Later on nothing here removes a tree.
    """

    def __init__(self, state_dir: str, chance: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._home = os.path.join(os.path.realpath(state_dir), "worktrees")
        self._chance = chance
        self._locks: dict[str, trio.Lock] = {}  # one per repository that this box has made a tree of
        self._checkouts = trio.CapacityLimiter((os.cpu_count() or 1) + CHECKOUTS_SPARE)

    async def create(self, repository: Repository, session: str, slug: str, base: Base) -> Tree:
        """A tree on a new branch at `base`, checked out and verified; its registration is locked as the session's.

        Raises Refused `git_failed` or `disk_full`; then, and when cancelled, nothing of it is left.
        """
        try:
            making = await trio.to_thread.run_sync(self._begin, repository, session, slug, base)
        except OSError as error:
            raise git.refused_by(error, f"make a directory for the tree in {self._home}") from error
        try:
            await self._branch(repository, making, slug)
            async with self.locked(repository):
                await _register(repository, making)
            async with self._checkouts:
                await _check_out(making)
            await _verify(making.tree)
            return await trio.to_thread.run_sync(_with_notices, making.tree, base)
        except BaseException:
            with trio.CancelScope(shield=True):
                await self._take_back(repository, making.tree)
            raise
        finally:
            making.close()

    def settle(self, tree_path: str) -> None:
        """The session's agent has been started: from now on this tree is never taken back.

        Should the disk not take that now, the next start does it: it knows the session.
        """
        try:
            forget(tree_path)
        except OSError as error:
            log.error("tree_not_settled", path=tree_path, cause=str(error))

    async def roll_back(self, tree_path: str) -> bool:
        """Take a tree back in which no agent was ever started. False, and nothing done, for every other tree."""
        tree = await trio.to_thread.run_sync(read, tree_path)
        if tree is None:
            return False
        repository = await discover(tree.repository)
        if repository is None:
            return False
        await self._take_back(repository, tree)
        return True

    async def recover(self, is_known: Callable[[str], bool]) -> list[str]:
        """After a crash: take back what was being made for sessions that never came to be. Returns those trees.

        `is_known`: whether there is a bundle of this session; then its agent may have been started, and all stays.
        Call it before the first `create`.
        """
        gone = []
        for path in await trio.to_thread.run_sync(found, self._home):
            tree = await trio.to_thread.run_sync(read, path)
            if tree is None:
                if not await trio.to_thread.run_sync(forget_if_empty, path):
                    log.warning("record_unreadable", path=path)
            elif is_known(tree.session):
                self.settle(path)
            elif await self._recover(tree):
                gone.append(path)
        return gone

    async def _recover(self, tree: Tree) -> bool:
        path = tree.path
        try:
            # A git of the former supervisor may still fill the tree: it carries the session's id, and ends first.
            await trio.to_thread.run_sync(end_strays, tree.session)
            descriptor = await _lock(path + RECORD, LOCK_SECONDS)
            try:
                return await self.roll_back(path)
            finally:
                os.close(descriptor)
        except (OSError, Refused) as error:  # such as a repository that is gone: the tree stays for a person to see
            log.warning("tree_not_taken_back", path=path, cause=str(error))
            return False

    @contextlib.asynccontextmanager
    async def locked(self, repository: Repository) -> AsyncIterator[None]:
        """Nobody else of this box changes the registrations of this repository meanwhile."""
        async with self._locks.setdefault(repository.common_dir, trio.Lock()):
            # The file keeps out a supervisor that is being replaced while it still makes trees.
            folder = await trio.to_thread.run_sync(self._folder, repository)
            descriptor = await _lock(os.path.join(folder, ".lock"), LOCK_SECONDS)
            try:
                yield
            finally:
                os.close(descriptor)

    async def unregister(self, repository: Repository, session: str, path: str, kept: str) -> bool:
        """Move the registration of a session's tree to `kept`; the tree's files are not touched.

        False where the repository has none that is marked as this session's. Raises Refused `git_failed`.
        """
        async with self.locked(repository):
            admin = await trio.to_thread.run_sync(registrations.find, repository, session, path)
            if admin is None:
                return False
            await _by_files(registrations.take_out, admin, kept, what=f"move {admin}")
            return True

    async def reregister(self, repository: Repository, session: str, path: str, kept: str) -> None:
        """Undo `unregister` for the tree that is at `path` (again). Its branch must be there. Raises Refused."""
        async with self.locked(repository):
            await _by_files(registrations.put_back, repository, kept, session, path, what=f"register {path}")

    def _folder(self, repository: Repository) -> str:
        folder = os.path.join(self._home, repository.label)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        return folder

    def _begin(self, repository: Repository, session: str, slug: str, base: Base) -> Making:
        folder = self._folder(repository)
        for _ in range(NAME_TRIES):
            end = suffix(self._chance(SUFFIX_OCTETS))
            branch = branch_name(slug, end, rc_is_a_branch=False)
            path = os.path.join(folder, f"{slug}-{end}")
            with contextlib.suppress(FileExistsError):
                return begin(Tree(session, path, branch, base.commit, base.ref, repository.common_dir))
        raise Refused("git_failed", f"no free name for {slug} in {NAME_TRIES} tries", "try again")

    async def _branch(self, repository: Repository, making: Making, slug: str) -> None:
        tree = making.tree
        if await _create_branch(repository, making):
            return
        end = tree.branch.removeprefix(f"rc/{slug}-")
        await trio.to_thread.run_sync(making.rename_branch, branch_name(slug, end, rc_is_a_branch=True))
        if not await _create_branch(repository, making):
            raise Refused("git_failed", f"there is a branch {making.tree.branch} already", "try again")

    async def _take_back(self, repository: Repository, tree: Tree) -> None:
        """Undo, by name, all that `create` may have done. What fails is told, and left to the next start."""
        try:
            async with self.locked(repository):
                await trio.to_thread.run_sync(_remove, repository, tree)
                if not await refs.delete_branch_if_at(repository, tree.branch, tree.base_commit):
                    log.warning("branch_kept", branch=tree.branch, cause="it is not at its base any more")
            self.settle(tree.path)
        except (OSError, Refused) as error:
            log.warning("tree_not_taken_back", path=tree.path, cause=str(error))


async def move_tree(source: str, target: str) -> None:
    """Rename a tree, as into the trash and back; its files are not opened. Raises Refused `kept`, `disk_full`,
    `git_failed`: when something is at `target` already, or it lies on another file system."""
    await _by_files(_rename, source, target, what=f"move {source} to {target}")


def _rename(source: str, target: str) -> None:
    if os.path.lexists(target):  # an empty directory would be replaced without a word
        raise Refused("kept", f"there is something at {target} already", f"move {target} away first")
    os.rename(source, target)


async def _create_branch(repository: Repository, making: Making) -> bool:
    tree = making.tree
    return await refs.create_branch(
        repository, tree.branch, tree.base_commit, env=_marks(tree), holds=making.descriptor
    )


async def _register(repository: Repository, making: Making) -> None:
    tree = making.tree
    for attempt in range(1, ADD_TRIES + 1):
        ran = await git.run(
            *("worktree", "add", "--quiet", "--no-checkout", "--lock"),
            *("--reason", registrations.lock_reason(tree.session), "--", tree.path, tree.branch),
            cwd=repository.common_dir,
            git_dir=repository.common_dir,
            env=_marks(tree),
            holds=making.descriptor,
        )
        if ran.code == 0:
            return
        if "failed to read" not in ran.errors or attempt == ADD_TRIES:
            raise git.failure(ran, repository.common_dir)


async def _check_out(making: Making) -> None:
    await git.succeed(
        *("read-tree", "--reset", "-u", making.tree.base_commit),
        cwd=making.tree.path,
        env=_marks(making.tree),
        seconds=CHECKOUT_SECONDS,
        holds=making.descriptor,
        background=True,
    )


async def _verify(tree: Tree) -> None:
    """A tree is what it should be: its own top level, at its base, on its branch. Raises Refused `git_failed`."""
    ran = await git.succeed(
        *("rev-parse", "--show-toplevel", "HEAD", "--symbolic-full-name", "HEAD"),
        cwd=tree.path,
        env=_marks(tree),
    )
    wanted = [tree.path, tree.base_commit, refs.branch_ref(tree.branch)]
    if ran.lines != wanted:
        raise Refused("git_failed", f"the new tree is {ran.lines}, not {wanted}", "look with: git worktree list")


def _marks(tree: Tree) -> dict[str, str]:
    """Git looks for a repository in the tree and nowhere above it, and can be found when we are gone."""
    return {"GIT_CEILING_DIRECTORIES": os.path.dirname(tree.path), "RC_SESSION_ID": tree.session}


def _remove(repository: Repository, tree: Tree) -> None:
    for admin in registrations.find_half_made(repository, tree.session, tree.path):
        registrations.remove_half_made(admin)
    refs.clear_lock(repository, tree.branch)
    with contextlib.suppress(FileNotFoundError):
        # Made by this very creation (mkdir would have refused otherwise), and its record says nobody worked in it.
        shutil.rmtree(tree.path)


def _with_notices(tree: Tree, base: Base) -> Tree:
    notices = [base.notice] if base.notice else []
    if os.path.lexists(os.path.join(tree.path, ".gitmodules")):
        notices.append("submodules are empty in a new worktree; fill them with: git submodule update --init")
    return dataclasses.replace(tree, notices=tuple(notices))


async def _by_files(deed: Callable[..., object], *arguments: object, what: str) -> None:
    try:
        await trio.to_thread.run_sync(deed, *arguments)
    except OSError as error:
        raise git.refused_by(error, what) from error


async def _lock(path: str, seconds: float) -> int:
    """A descriptor that holds the lock of this file. Raises Refused when another process keeps it for so long."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with trio.move_on_after(seconds):
            # The kernel has no wait for a lock that can be cancelled, so we look.
            while not _try_lock(descriptor):  # noqa: ASYNC110
                await trio.sleep(LOCK_LOOK)
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    raise Refused("git_failed", f"{path} is held by another process", "try again")


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
