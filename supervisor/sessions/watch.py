"""Who watches the box: each watcher learns what has changed since it last asked, however often it changed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import trio

BOX = "box"  # the key of the box itself; all other keys are session ids


class Watch:
    """What is new for one watcher. Bounded by the number of sessions: a second change of one adds nothing."""

    def __init__(self) -> None:
        self._new: set[str] = set()
        self._wake = trio.Event()

    def touch(self, key: str) -> None:
        self._new.add(key)
        self._wake.set()

    async def next(self) -> set[str]:
        """Wait until something has changed: the keys of what did, to be looked up as it is now."""
        await self._wake.wait()
        new, self._new, self._wake = self._new, set(), trio.Event()
        return new


class Watches:
    """All watchers of a box."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()

    def touch(self, key: str) -> None:
        """Tell all watchers that this is not as it was."""
        for watch in self._watches:
            watch.touch(key)

    @contextlib.contextmanager
    def watching(self) -> Iterator[Watch]:
        watch = Watch()
        self._watches.add(watch)
        try:
            yield watch
        finally:
            self._watches.remove(watch)
