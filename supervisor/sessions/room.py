"""Keeps an eye on the disk: when room is short no session is begun, and ended sessions' output goes first."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

import structlog
import trio

from supervisor.core.room import Disk, Limits
from supervisor.sessions.registry import Registry
from supervisor.sessions.session import Session
from workers.bundle import Bundle
from workers.errors import Refused
from workers.segments import segment_name, segments

LOOK_SECONDS = 10.0  # a flat-out program prints some 500 MB in that time, half of what is kept free by default
LARGEST = 3  # directories that a refusal names
ENTRIES = 200_000  # looked at for that; a tree with more is large in any case
NOTICE = "the disk is nearly full: no session is begun until there is room; rc df shows what is kept"

log = structlog.get_logger()


class Room:
    """`check` before a session is begun; `watch` while the box lives. `notice` is what people are to be told; when it
    has changed, `on_change` is called."""

    def __init__(self, state_dir: str, limits: Limits, registry: Registry, on_change: Callable[[], None]) -> None:
        self._state_dir = state_dir
        self._limits = limits
        self._registry = registry
        self._on_change = on_change
        self.notice: str | None = None

    async def check(self) -> None:
        """Raises Refused `disk_full`, naming the largest directories."""
        if self._shortage():
            largest = await trio.to_thread.run_sync(_largest, self._state_dir)
            named = ", ".join(f"{path} ({size >> 20} MiB)" for path, size in largest)
            told = f"; the largest directories are {named}" if named else ", and not by what sessions keep"
            raise Refused(
                "disk_full",
                f"the disk of {self._state_dir} is nearly full{told}",
                "make room: rc df shows what sessions keep, rc delete and rc prune let go of it",
                directories=[{"path": path, "bytes": size} for path, size in largest],
            )

    @property
    def is_short(self) -> bool:
        """Whether `check` would refuse now; to be told so costs nothing but a look at the file system."""
        return self._shortage() > 0

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self._look()
            except OSError as error:  # such as a file system that gives errors for a while: the box lives on
                log.warning("room_not_looked_at", error=str(error))
            await trio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        if self._shortage():
            freed = await trio.to_thread.run_sync(self._let_go)
            for session in freed:
                await session.look_at_kept_output()
            if freed:
                log.warning("old_output_dropped", octets=sum(freed.values()))
        notice = NOTICE if self._shortage() else None
        if notice != self.notice:
            self.notice = notice
            log.warning("room_changed", short=notice is not None)
            self._on_change()

    def _shortage(self) -> int:
        found = os.statvfs(self._state_dir)
        return self._limits.shortage(Disk(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize))

    def _let_go(self) -> dict[Session, int]:
        """Drop terminal output of ended sessions, those that ended first first, while room is short: the octets that
        became free of each."""
        freed: dict[Session, int] = {}
        for session in sorted((s for s in self._registry if s.ended), key=_ended_at):
            if not self._shortage():
                break
            dropped = _drop_output(session.bundle)
            if dropped:
                freed[session] = dropped
        return freed


def _ended_at(session: Session) -> float:
    with contextlib.suppress(OSError):
        return os.stat(session.bundle.path("exit.json")).st_mtime
    return 0.0


def _drop_output(bundle: Bundle) -> int:
    """Remove the terminal segments of an ended session but the last, which says where its output ends."""
    try:
        lock = bundle.try_lock()
    except FileNotFoundError:  # the session is just being deleted
        return 0
    except OSError as error:
        log.warning("output_not_dropped", bundle=bundle.directory, error=str(error))
        return 0
    if lock is None:
        return 0
    freed = 0
    try:
        for first in segments(bundle.directory, "terminal")[:-1]:
            path = bundle.path(segment_name("terminal", first))
            freed += os.stat(path).st_size
            os.unlink(path)
    except OSError as error:
        log.warning("output_not_dropped", bundle=bundle.directory, error=str(error))
    finally:
        os.close(lock)
    return freed


def _largest(state_dir: str) -> list[tuple[str, int]]:
    """The largest of a box's directories: of sessions, worktrees and trash."""
    sizes: list[tuple[str, int]] = []
    for home in ("sessions", "worktrees", "trash"):
        with contextlib.suppress(OSError):
            sizes += [(entry.path, _size(entry.path)) for entry in os.scandir(os.path.join(state_dir, home))]
    return sorted(sizes, key=lambda each: -each[1])[:LARGEST]


def _size(path: str) -> int:
    size, seen = 0, 0
    for folder, _folders, files in os.walk(path):
        for name in files:
            seen += 1
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(folder, name)).st_blocks * 512
        if seen > ENTRIES:
            break
    return size
