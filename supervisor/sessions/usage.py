"""What a box keeps on disk: journals, worktrees, trash."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import trio

from supervisor.core.trashed import Trashed
from supervisor.sessions.inspect import Inspector
from supervisor.sessions.trash import Trash
from workers.core.spec import Spec
from workers.errors import Refused


async def df(
    state_dir: str, sessions: Iterable[tuple[Spec, str]], trash: Trash, inspector: Inspector
) -> dict[str, Any]:
    """Octets on the disk, largest first. `sessions` are specs with the names that sessions have today.

    {"disk": {"total", "free"}, "sessions": [{"id", "name", "journal", "tree", "bytes", "whole"}],
    "trash": [{"id", "name", "bytes", "whole"}], "bytes"}. `tree` is null where a session works in the project itself;
    `whole` is false where not everything could be looked at.
    """
    rows: list[dict[str, Any]] = []
    deleted: list[dict[str, Any]] = []
    entries = await trio.to_thread.run_sync(trash.entries)
    async with trio.open_nursery() as nursery:
        for spec, name in sessions:
            nursery.start_soon(_session, rows, spec, name, os.path.join(trash.bundles, spec.id), inspector)
        for entry in entries:
            nursery.start_soon(_deleted, deleted, entry, trash.path(entry.id), inspector)
    return {
        "disk": _disk(state_dir),
        "sessions": sorted(rows, key=_size),
        "trash": sorted(deleted, key=_size),
        "bytes": sum(row["bytes"] for row in (*rows, *deleted)),
    }


async def described(trash: Trash, inspector: Inspector) -> list[dict[str, Any]]:
    """The rows of the trash as `Trash.describe` gives them, with the octets that each takes (`bytes`, `whole`)."""
    rows = await trio.to_thread.run_sync(trash.describe)
    sizes: dict[str, tuple[int, bool]] = {}

    async def measure(id: str) -> None:
        sizes[id] = await _usage(inspector, trash.path(id))

    async with trio.open_nursery() as nursery:
        for row in rows:
            nursery.start_soon(measure, row["id"])
    return [row | dict(zip(("bytes", "whole"), sizes[row["id"]], strict=True)) for row in rows]


async def _session(rows: list[dict[str, Any]], spec: Spec, name: str, bundle: str, inspector: Inspector) -> None:
    journal, whole = await _usage(inspector, bundle)
    row = {"id": spec.id, "name": name, "journal": journal, "tree": None, "bytes": journal, "whole": whole}
    if spec.branch is not None:
        tree, all_of_it = await _usage(inspector, spec.workspace)
        row |= {"tree": tree, "bytes": journal + tree, "whole": whole and all_of_it}
    rows.append(row)


async def _deleted(rows: list[dict[str, Any]], entry: Trashed, directory: str, inspector: Inspector) -> None:
    octets, whole = await _usage(inspector, directory)
    rows.append({"id": entry.id, "name": entry.name, "bytes": octets, "whole": whole})


async def _usage(inspector: Inspector, directory: str) -> tuple[int, bool]:
    try:
        return await inspector.usage(directory)
    except Refused:  # gone, or nobody to look at it: an overview does not fail for one of its rows
        return 0, False


def _disk(state_dir: str) -> dict[str, int]:
    found = os.statvfs(state_dir)
    return {"total": found.f_blocks * found.f_frsize, "free": found.f_bavail * found.f_frsize}


def _size(row: dict[str, Any]) -> int:
    return -int(row["bytes"])
