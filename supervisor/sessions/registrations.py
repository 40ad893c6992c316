"""Registrations: what a repository knows of its linked worktrees (`<repository>/worktrees/<id>/`), read by us.

Git has no word for taking away one registration and leaving the files: `worktree remove` deletes the tree, `prune`
sweeps the whole repository. So it is done here, by name, with the files that gitrepository-layout(5) describes.
The caller holds the repository's lock.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil

from supervisor.sessions.repositories import Repository
from workers.errors import Refused

FILE_MAX = 64 << 10  # a path or a reason; longer is not what git or we have written
ID_TRIES = 100


def lock_reason(session: str) -> str:
    """The mark of ownership on a registration; it also keeps git from pruning or removing the tree."""
    return f"rc session {session}"


def find(repository: Repository, session: str, path: str) -> str | None:
    """The registration of this session's tree at `path`; None when there is none, or when it is not ours by mark."""
    own = lock_reason(session)
    return next((admin for admin in _of_path(repository, path) if _text(admin, "locked") == own), None)


def moved_to(repository: Repository, session: str, path: str) -> str | None:
    """Where the tree that was made at `path` stands now, if somebody has had git move it: by its mark, or by its name,
    which nobody else's tree has and which git keeps."""
    own, leaf = lock_reason(session), os.path.basename(path)
    for admin in _all(repository):
        place = os.path.dirname(_text(admin, "gitdir") or "")
        if (_text(admin, "locked") == own or os.path.basename(admin) == leaf) and place not in ("", path):
            return place if os.path.lexists(place) else None
    return None


def find_half_made(repository: Repository, session: str, path: str) -> list[str]:
    """What a killed `git worktree add` for `path` may have left: by its mark, or by a name that only we could give
    while nothing else is written yet."""
    own, leaf = lock_reason(session), os.path.basename(path)
    found = []
    for admin in _all(repository):
        pointer = _text(admin, "gitdir")
        named = os.path.basename(admin).startswith(leaf) and pointer is None
        if _text(admin, "locked") == own or named:
            found.append(admin)
    return found


def remove_half_made(admin: str) -> None:
    """Delete a registration that no agent has ever worked under."""
    shutil.rmtree(admin)
    _remove_if_empty(os.path.dirname(admin))


def take_out(admin: str, kept: str) -> None:
    """Move a registration out of the repository to `kept` (index, reflog and all); git no longer knows the tree."""
    _move(admin, kept)
    _remove_if_empty(os.path.dirname(admin))


def put_back(repository: Repository, kept: str, session: str, path: str) -> str:
    """Move a registration back and tie it to the tree at `path`, marked as `session`'s. Returns its directory.

    Done already is no error. Raises Refused `kept` when the tree's `.git` cannot be written without going astray.
    """
    done = find(repository, session, path)
    if done is not None and not os.path.lexists(kept):
        return done
    parent = os.path.join(repository.common_dir, "worktrees")
    os.makedirs(parent, exist_ok=True)
    admin = _free_name(parent, os.path.basename(path))
    _write(os.path.join(kept, "gitdir"), os.path.join(path, ".git"))
    _write(os.path.join(kept, "commondir"), "../..")
    _write(os.path.join(kept, "locked"), lock_reason(session))
    _point(path, admin)
    _move(kept, admin)
    return admin


def _free_name(parent: str, leaf: str) -> str:
    for number in range(ID_TRIES):
        admin = os.path.join(parent, leaf + (str(number) if number else ""))
        if not os.path.lexists(admin):
            return admin
    raise Refused("git_failed", f"{parent} has {ID_TRIES} registrations of {leaf}", "look with: git worktree list")


def _point(path: str, admin: str) -> None:
    """Write the tree's `.git`. An agent has worked there, so nothing that lies in the way is followed or opened."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(".git.rc", dir_fd=folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(".git.rc", flags, 0o644, dir_fd=folder)
        with open(file, "wb") as text:
            text.write(b"gitdir: " + os.fsencode(admin) + b"\n")
        os.rename(".git.rc", ".git", src_dir_fd=folder, dst_dir_fd=folder)
    except IsADirectoryError as error:
        raise Refused("kept", f"{path}/.git is a directory of its own now", f"move {path}/.git away first") from error
    finally:
        os.close(folder)


def _all(repository: Repository) -> list[str]:
    parent = os.path.join(repository.common_dir, "worktrees")
    try:
        return [os.path.join(parent, name) for name in sorted(os.listdir(parent))]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _of_path(repository: Repository, path: str) -> list[str]:
    pointer = os.path.join(path, ".git")
    return [admin for admin in _all(repository) if _text(admin, "gitdir") == pointer]


def _text(admin: str, name: str) -> str | None:
    try:
        descriptor = os.open(os.path.join(admin, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        return os.fsdecode(file.read(FILE_MAX)).rstrip("\n")


def _write(path: str, text: str) -> None:
    with open(path + ".new", "wb") as file:
        file.write(os.fsencode(text) + b"\n")
    os.rename(path + ".new", path)


def _move(source: str, target: str) -> None:
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # State and repository lie on two file systems. The copy is whole before the original goes.
        shutil.copytree(source, target + ".part", symlinks=True)
        os.rename(target + ".part", target)
        shutil.rmtree(source)


def _remove_if_empty(folder: str) -> None:
    with contextlib.suppress(OSError):
        os.rmdir(folder)
