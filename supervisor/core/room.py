"""How much room a disk must have: below it no session is begun, and old output is let go."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system, in octets; `free` is what this account may use."""

    size: int
    free: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Below `octets`, or below `percent` of the whole, room is short."""

    octets: int = 1 << 30
    percent: int = 5

    def shortage(self, disk: Disk) -> int:
        """How many octets are missing until room is short no more; 0 when there is enough."""
        needed = max(self.octets, disk.size * self.percent // 100)
        return max(0, needed - disk.free)
