"""Worktrees: made in two phases, verified, and taken back whole when something goes wrong on the way."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import structlog
import trio

from supervisor.core.names import SUFFIX_OCTETS, branch_name, suffix
from supervisor.sessions import git, refs, registrations
from supervisor.sessions.bases import Base
from supervisor.sessions.repositories import Repository, discover
from workers.errors import Refused

CHECKOUT_SECONDS = 600.0  # 100,000 files took 5 s; past ten minutes a filter hangs
CHECKOUTS_SPARE = 1  # checkouts at once beyond one per processor: one waits for the disk while the others compute
LOCK_SECONDS = 10.0  # a registration takes milliseconds; who holds the lock for longer is not making one
LOCK_LOOK = 0.01
NAME_TRIES = 5  # six random characters hardly ever meet twice; five times in a row it is something else
ADD_TRIES = 3  # git worktree add fails now and then when somebody else registers a tree at the same moment
RECORD = ".making"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tree:
    """A worktree that was made for one session, and what it was made from. `path` is its top level, without links."""

    session: str
    path: str
    branch: str
    base_commit: str
    base_ref: str
    repository: str  # the common directory of the repository that it belongs to
    notices: tuple[str, ...] = ()


class Worktrees:
    """The trees of a box: `<state>/worktrees/<repository>/<slug>-<6>`, each with a branch of the same ending.

    While a tree is being made, a record beside it (`<tree>.making`) says so. It goes when the session's agent has
    been started (`settle`): only a tree that still has its record may be taken back, because in it nobody has worked.
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
        tree = await self._reserve(repository, session, slug, base)
        try:
            tree = await self._branch(repository, tree, slug)
            async with self.locked(repository):
                await self._register(repository, tree)
            await self._check_out(tree)
            await _verify(tree)
        except BaseException:
            with trio.CancelScope(shield=True):
                await self._take_back(repository, tree)
            raise
        return await trio.to_thread.run_sync(_with_notices, tree, base)

    def settle(self, tree_path: str) -> None:
        """The session's agent has been started: from now on this tree is never taken back."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(tree_path + RECORD)

    async def roll_back(self, tree_path: str) -> bool:
        """Take a tree back in which no agent was ever started. False, and nothing done, for every other tree."""
        tree = await trio.to_thread.run_sync(_recorded, tree_path + RECORD)
        if tree is None or tree.path != tree_path:
            return False
        repository = await discover(tree.repository)
        if repository is None:
            return False
        await self._take_back(repository, tree)
        return True

    async def recover(self, is_known: Callable[[str], bool]) -> list[str]:
        """After a crash: take back what was being made for sessions that never came to be. Returns those trees.

        `is_known`: whether there is a bundle of this session. Then its agent may have been started, and all stays.
        """
        gone = []
        for record in await trio.to_thread.run_sync(lambda: list(_records(self._home))):
            tree = await trio.to_thread.run_sync(_recorded, record)
            if tree is None or tree.path + RECORD != record:
                log.warning("record_unreadable", path=record)
            elif is_known(tree.session):
                self.settle(tree.path)
            elif await self._try_roll_back(tree):
                gone.append(tree.path)
        return gone

    async def _try_roll_back(self, tree: Tree) -> bool:
        try:
            return await self.roll_back(tree.path)
        except Refused as refusal:  # a repository that is gone or broken: the tree stays, for a person to look at
            log.warning("tree_not_taken_back", path=tree.path, cause=refusal.detail)
            return False

    @contextlib.asynccontextmanager
    async def locked(self, repository: Repository) -> AsyncIterator[None]:
        """Nobody else of this box changes the registrations of this repository meanwhile."""
        lock = self._locks.setdefault(repository.common_dir, trio.Lock())
        async with lock:
            descriptor = await self._file_lock(repository)
            try:
                yield
            finally:
                os.close(descriptor)

    async def _file_lock(self, repository: Repository) -> int:
        """Keeps out a supervisor that is being replaced while it still makes trees."""
        folder = self._folder(repository)
        descriptor = os.open(os.path.join(folder, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with trio.fail_after(LOCK_SECONDS):
                # The kernel has no wait for a lock that can be cancelled, so we look.
                while not _try_lock(descriptor):  # noqa: ASYNC110
                    await trio.sleep(LOCK_LOOK)
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, trio.TooSlowError):
                raise Refused("git_failed", f"{folder}/.lock is held by another process", "try again") from error
            raise
        return descriptor

    def _folder(self, repository: Repository) -> str:
        folder = os.path.join(self._home, repository.label)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        return folder

    async def _reserve(self, repository: Repository, session: str, slug: str, base: Base) -> Tree:
        """A path of our own, as an empty directory that nobody had before, and the record of what comes there."""
        try:
            return await trio.to_thread.run_sync(self._make_place, repository, session, slug, base)
        except OSError as error:
            raise git.refused_by(error, f"make a directory for the tree in {self._home}") from error

    def _make_place(self, repository: Repository, session: str, slug: str, base: Base) -> Tree:
        for _ in range(NAME_TRIES):
            end = suffix(self._chance(SUFFIX_OCTETS))
            path = os.path.join(self._folder(repository), f"{slug}-{end}")
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, 0o700)
                branch = branch_name(slug, end, rc_is_a_branch=False)
                tree = Tree(session, path, branch, base.commit, base.ref, repository.common_dir)
                _record(tree)
                return tree
        raise Refused("git_failed", f"no free name for {slug} in {NAME_TRIES} tries", "try again")

    async def _branch(self, repository: Repository, tree: Tree, slug: str) -> Tree:
        if await refs.create_branch(repository, tree.branch, tree.base_commit):
            return tree
        ending = tree.branch.removeprefix(f"rc/{slug}-")
        other = dataclasses.replace(tree, branch=branch_name(slug, ending, rc_is_a_branch=True))
        await trio.to_thread.run_sync(_record, other)
        if await refs.create_branch(repository, other.branch, other.base_commit):
            return other
        raise Refused("git_failed", f"there is a branch {other.branch} already", "try again")

    async def _register(self, repository: Repository, tree: Tree) -> None:
        for attempt in range(1, ADD_TRIES + 1):
            ran = await git.run(
                *("worktree", "add", "--quiet", "--no-checkout", "--lock"),
                *("--reason", registrations.lock_reason(tree.session), "--", tree.path, tree.branch),
                cwd=repository.common_dir,
                git_dir=repository.common_dir,
            )
            if ran.code == 0:
                return
            if "failed to read" not in ran.errors or attempt == ADD_TRIES:
                raise git.failure(ran)

    async def _check_out(self, tree: Tree) -> None:
        async with self._checkouts:
            await git.succeed(
                *("read-tree", "--reset", "-u", tree.base_commit),
                cwd=tree.path,
                env=_only_here(tree.path),
                seconds=CHECKOUT_SECONDS,
            )

    async def _take_back(self, repository: Repository, tree: Tree) -> None:
        """Undo, by name, all that `create` may have done. What fails is told and left to the next start."""
        try:
            async with self.locked(repository):
                await trio.to_thread.run_sync(_remove, repository, tree)
                await refs.delete_branch_if_at(repository, tree.branch, tree.base_commit)
            self.settle(tree.path)
        except (OSError, Refused) as error:
            log.warning("tree_not_taken_back", path=tree.path, cause=str(error))


async def _verify(tree: Tree) -> None:
    """A tree is what it should be: its own top level, at its base, on its branch. Raises Refused `git_failed`."""
    ran = await git.succeed(
        *("rev-parse", "--show-toplevel", "HEAD", "--symbolic-full-name", "HEAD"),
        cwd=tree.path,
        env=_only_here(tree.path),
    )
    wanted = [tree.path, tree.base_commit, refs.branch_ref(tree.branch)]
    if ran.lines != wanted:
        raise Refused("git_failed", f"the new tree is {ran.lines}, not {wanted}", "look with: git worktree list")


def _only_here(path: str) -> dict[str, str]:
    """Git looks for a repository in this directory and nowhere above it."""
    return {"GIT_CEILING_DIRECTORIES": os.path.dirname(path)}


def _remove(repository: Repository, tree: Tree) -> None:
    for admin in registrations.find_half_made(repository, tree.session, tree.path):
        registrations.remove_half_made(admin)
    with contextlib.suppress(FileNotFoundError):
        # Made by this very creation (mkdir would have refused otherwise), and its record says nobody worked in it.
        shutil.rmtree(tree.path)


def _with_notices(tree: Tree, base: Base) -> Tree:
    notices = [base.notice] if base.notice else []
    if os.path.lexists(os.path.join(tree.path, ".gitmodules")):
        notices.append("submodules are empty in a new worktree; fill them with: git submodule update --init")
    return dataclasses.replace(tree, notices=tuple(notices))


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _record(tree: Tree) -> None:
    # Not synced: after a power cut a missing record leaves a tree that nobody has worked in, and loses nothing.
    temporary = tree.path + RECORD + ".new"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(dataclasses.asdict(tree), file)
    os.rename(temporary, tree.path + RECORD)


def _recorded(record: str) -> Tree | None:
    try:
        with open(record, encoding="utf-8") as file:
            fields = json.load(file)
        return Tree(**{**fields, "notices": tuple(fields["notices"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _records(home: str) -> Iterator[str]:
    for folder, folders, files in os.walk(home):
        if folder != home:
            folders.clear()  # never into a tree
        yield from (os.path.join(folder, name) for name in files if name.endswith(RECORD))
