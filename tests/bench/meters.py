"""What processes cost, by the kernel's books."""

from __future__ import annotations

import os
from collections.abc import Iterable

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time so far, in all."""
    total = 0
    for pid in pids:
        fields = _read(pid, "stat").rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident(pid: int) -> int:
    """Octets in memory now, shared ones too; cheap enough to sample."""
    return int(_read(pid, "statm").split()[1]) * PAGE


def unique(pid: int) -> int:
    """USS in octets: what would be free if this process ended."""
    rollup = _rollup(pid)
    return rollup["Private_Clean"] + rollup["Private_Dirty"]


def proportional(pids: Iterable[int]) -> int:
    """PSS in octets: private pages, and of shared ones each process's part."""
    return sum(_rollup(pid)["Pss"] for pid in pids)


def children(pid: int) -> list[int]:
    """The processes whose parent is `pid`."""
    return [int(child) for child in _read(pid, f"task/{pid}/children").split()]


def _rollup(pid: int) -> dict[str, int]:
    rows = (line.split() for line in _read(pid, "smaps_rollup").splitlines()[1:])
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows}


def _read(pid: int, name: str) -> str:
    with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:
        return file.read()
