"""Secrets that a test knows, and every place of this machine where none of them may be."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

SHORTEST = 8  # characters; what is shorter stands somewhere by chance


class Canaries:
    """`found` gathers where one was seen, over all looks."""

    def __init__(self) -> None:
        self._spelled: dict[bytes, str] = {}
        self.found: set[str] = set()

    def keep(self, name: str, secret: str) -> str:
        """Remember a secret under this name: as it is, and as what it is made of."""
        assert len(secret) >= SHORTEST, name
        for spelled in _spellings(secret):
            self._spelled[spelled] = name
        return secret

    @property
    def names(self) -> set[str]:
        return set(self._spelled.values())

    def look_at(self, where: str, content: bytes) -> None:
        self.found |= {f"{name} in {where}" for spelled, name in self._spelled.items() if spelled in content}

    def look_at_processes(self) -> None:
        """At the words and the environment of everything that runs here, as far as they can be read."""
        for process in Path("/proc").glob("[0-9]*"):
            for path in (process / "cmdline", process / "environ"):
                with contextlib.suppress(OSError):
                    self.look_at(str(path), path.read_bytes())

    def look_at_files(self, folders: Iterable[Path]) -> int:
        """At every file below these folders, by name and content: how many there are."""
        files = [path for folder in folders for path in _files(folder)]
        for path in files:
            self.look_at(f"the name of {path}", bytes(path))
            with contextlib.suppress(OSError):
                self.look_at(str(path), path.read_bytes())
        return len(files)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _spellings(secret: str) -> Iterator[bytes]:
    yield secret.encode()
    with contextlib.suppress(ValueError):
        octets = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
        if len(octets) >= SHORTEST:
            yield from (octets, octets.hex().encode(), base64.b64encode(octets))
