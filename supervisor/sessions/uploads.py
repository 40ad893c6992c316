"""Files that people hand to a session: kept in its bundle, beside its tree, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog
import trio

from supervisor.core.uploads import UPLOADS_MAX, check_upload_name
from workers.errors import Refused

FOLDER = "uploads"
HALF = ".half-"  # before the name of what is not whole yet; names that people give do not begin so
AT_ONCE = 8  # of the whole box: each writes as fast as the disk takes it
BUSY_SECONDS = 5  # when to come again if as many are under way
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

log = structlog.get_logger()


class Disk(Protocol):
    """Whether there is room."""

    async def check(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is there now. `created`: there was none of that name before."""

    path: str
    name: str
    size: int
    created: bool


class Uploads:
    """All that are under way. They take no octet into memory that is not being written."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._under_way = 0

    async def keep(self, bundle: str, name: str, pieces: AsyncIterable[bytes]) -> Kept:
        """Write `pieces` into a file of this bundle; it has its name when it is whole and on the disk, and what fails
        or is cancelled before leaves nothing.

        Raises Refused: `invalid` for the name, `rate_limited`, `disk_full`, `too_large` for too many of them,
        `invalid_state` where somebody has put something else in the place; and whatever `pieces` raises.
        """
        name = check_upload_name(name)
        await self._disk.check()
        async with self._taking_part():
            try:
                folder = await trio.to_thread.run_sync(_open_folder, bundle, name)
                try:
                    return await _receive(folder, os.path.join(bundle, FOLDER, name), name, pieces)
                finally:
                    os.close(folder)
            except OSError as error:
                raise _refused(error) from error

    @contextlib.asynccontextmanager
    async def _taking_part(self) -> AsyncIterator[None]:
        if self._under_way >= AT_ONCE:
            hint = f"try again in {BUSY_SECONDS} s"
            raise Refused("rate_limited", f"{AT_ONCE} uploads are under way", hint, retry_after=BUSY_SECONDS)
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1


def tidy(bundles: str) -> None:
    """At the start of a box: remove what was not whole when the last one ended."""
    for bundle in os.scandir(bundles):
        with contextlib.suppress(OSError):  # no uploads; or not ours to look at, which keeps no box from starting
            folder = os.open(os.path.join(bundle.path, FOLDER), _OPEN_FOLDER)
            try:
                for name in os.listdir(folder):
                    if name.startswith(HALF):
                        os.unlink(name, dir_fd=folder)
                        log.info("half_upload_removed", bundle=bundle.name)
            finally:
                os.close(folder)


async def _receive(folder: int, path: str, name: str, pieces: AsyncIterable[bytes]) -> Kept:
    half, size = HALF + secrets.token_hex(8), 0
    file = await trio.to_thread.run_sync(partial(os.open, half, _NEW_FILE, 0o600, dir_fd=folder))
    try:
        try:
            async for piece in pieces:
                await trio.to_thread.run_sync(_write, file, piece)
                size += len(piece)
            await trio.to_thread.run_sync(os.fsync, file)
        finally:
            os.close(file)
        created = await trio.to_thread.run_sync(_put, folder, half, name)
        return Kept(path, name, size, created)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(half, dir_fd=folder)
        raise


def _open_folder(bundle: str, name: str) -> int:
    path = os.path.join(bundle, FOLDER)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    folder = os.open(path, _OPEN_FOLDER)
    try:
        there = os.listdir(folder)
        if len(there) >= UPLOADS_MAX and name not in there:
            raise Refused("too_large", f"a session keeps at most {UPLOADS_MAX} uploads", "rename one over an old one")
    except BaseException:
        os.close(folder)
        raise
    return folder


def _write(file: int, piece: bytes) -> None:
    with memoryview(piece) as view:
        done = 0
        while done < len(view):
            done += os.write(file, view[done:])


def _put(folder: int, half: str, name: str) -> bool:
    """Whether the name is new. On the disk when this returns."""
    created = name not in os.listdir(folder)
    os.rename(half, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)
    return created


def _refused(error: OSError) -> Refused:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Refused("disk_full", "there was no room for all of it; nothing was kept", "rc df shows what is kept")
    return Refused("invalid_state", f"it could not be kept: {error.strerror}", "look at the session's directory")
