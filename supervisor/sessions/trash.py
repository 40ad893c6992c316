"""The trash: `trash/<session id>/` with `trash.json`, and what there was of `bundle`, `tree` and `registration`."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import structlog
import trio

from supervisor.core.names import SESSION_ID
from supervisor.core.trashed import Trashed
from supervisor.sessions.removal import remove
from workers.bundle import Bundle
from workers.errors import Refused

RECORD = "trash.json"
UNFINISHED = f".{RECORD}.new"  # as a bundle calls a file that it has not yet put into place
GONE = ".gone-"  # what is being removed for good: not to be restored any more, whatever is left of it
ID = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,99}")

log = structlog.get_logger()


class Trash:
    """`bundles` is where the bundles of sessions lie that are not deleted. Its methods block, but for `prune`."""

    def __init__(self, state_dir: str, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._home = os.path.join(state_dir, "trash")
        self.bundles = os.path.join(state_dir, "sessions")
        self.now_ns = now_ns
        self._pruning = trio.Lock()

    def path(self, id: str, *names: str) -> str:
        """Raises Refused `unknown_session` for what cannot be an id."""
        if not ID.fullmatch(id):
            raise Refused("unknown_session", "there is no such session", "rc trash shows what was deleted")
        return os.path.join(self._home, id, *names)

    def write(self, entry: Trashed) -> None:
        """On disk when this returns."""
        directory = self.path(entry.id)
        os.makedirs(directory, mode=0o700, exist_ok=True)
        Bundle(directory).write(RECORD, entry.to_json())

    def read(self, id: str) -> Trashed | None:
        """None where there is none, or where it cannot be read."""
        try:
            value = Bundle(self.path(id)).read_json(RECORD)
            return None if value is None else Trashed.from_json(value)
        except (ValueError, OSError) as error:
            log.error("trash_unreadable", session=id, detail=str(error))
            return None

    def forget(self, id: str) -> None:
        """Drop the record of a session that was brought back; what else may lie there stays."""
        for name in (RECORD, UNFINISHED):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path(id, name))
        with contextlib.suppress(OSError):
            os.rmdir(self.path(id))

    def tidy(self) -> None:
        """At the start: drop what a crash left of a record that was never there whole, or not there any more."""
        for name in self._names():
            if SESSION_ID.fullmatch(name) and self._is_ours(name) and not os.path.lexists(self.path(name, RECORD)):
                try:
                    self.forget(name)
                except OSError as error:  # one of them keeps no box from starting
                    log.error("trash_not_tidied", session=name, detail=str(error))

    def entries(self) -> list[Trashed]:
        """Everything in the trash, last deleted first, also what is half way."""
        return sorted(self._found(), key=lambda entry: -entry.deleted_ns)

    def describe(self) -> list[dict[str, Any]]:
        """What can be restored, as people see it."""
        return [entry.describe(self.path(entry.id)) for entry in self.entries() if entry.done]

    async def prune(self, older_seconds: float, is_busy: Callable[[str], bool]) -> dict[str, Any]:
        """Remove for good what was deleted at least that long ago and is not `is_busy`.

        Returns {"pruned": [{"id", "name"}], "bytes", "left": [text]}: what went, how much became free, and what could
        not be removed.
        """
        async with self._pruning:  # two would remove the same files, and tell of each other's as what could not be
            return await self._prune(older_seconds, is_busy)

    async def _prune(self, older_seconds: float, is_busy: Callable[[str], bool]) -> dict[str, Any]:
        answer: dict[str, Any] = {"pruned": [], "bytes": 0, "left": []}
        for entry in await trio.to_thread.run_sync(self.entries):
            old = entry.done and entry.is_older(older_seconds, self.now_ns())
            if old and not is_busy(entry.id) and self._take_out(entry):
                answer["pruned"].append({"id": entry.id, "name": entry.name})
                log.info("trash_pruned", session=entry.id)
        for name in await trio.to_thread.run_sync(self._names):
            if name.startswith(GONE):
                removed = await trio.to_thread.run_sync(remove, self._home, name)
                answer["bytes"] += removed.octets
                answer["left"] += removed.left
        return answer

    def _take_out(self, entry: Trashed) -> bool:
        """Whether it is out of everybody's reach; false for what was restored, and maybe deleted again, since."""
        # Not async: from here on nobody can begin to restore it.
        if self.read(entry.id) != entry:
            return False
        os.rename(self.path(entry.id), os.path.join(self._home, f"{GONE}{entry.id}-{secrets.token_hex(4)}"))
        return True

    def _found(self) -> Iterator[Trashed]:
        for name in self._names():
            entry = self.read(name) if self._is_ours(name) else None
            if entry is not None and entry.id == name:
                yield entry

    def _is_ours(self, name: str) -> bool:
        """Not a file, nor a link, that somebody put there."""
        if not ID.fullmatch(name):
            return False
        path = self.path(name)
        return os.path.isdir(path) and not os.path.islink(path)

    def _names(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return sorted(os.listdir(self._home))
        return []
