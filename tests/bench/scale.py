"""How much is measured: the full form, whose figures count, and the short one, which shows that it works."""

from __future__ import annotations

from dataclasses import dataclass

ROWS, COLUMNS = 24, 80
ON_THE_WIRE = 51 / 50  # ptyprog's lines have 50 octets; the terminal makes two of the last one


@dataclass(frozen=True, slots=True)
class Scale:
    """Octets are those that ptyprog is asked to write."""

    rounds: int = 7
    keys: int = 1000
    crowd: int = 8
    crowd_octets: int = 30_000_000
    octets: int = 40_000_000
    viewers: int = 10
    unread_octets: int = 150_000_000
    starts: int = 30
    worker_octets: int = 100_000_000
    worker_events: int = 1000
    sessions: int = 32
    box_octets: int = 100_000_000
    settle_seconds: float = 10.0
    files: int = 1000
    creations: int = 20
    kills: int = 50
    devices: int = 200
    exchanges: int = 200
    page_keys: int = 200
    page_octets: int = 10_000_000


FULL = Scale()
SHORT = Scale(
    rounds=1,
    keys=20,
    crowd=3,
    crowd_octets=1_000_000,
    octets=1_000_000,
    viewers=3,
    unread_octets=3_000_000,
    starts=2,
    worker_octets=1_000_000,
    worker_events=20,
    sessions=3,
    box_octets=1_000_000,
    settle_seconds=0.1,
    files=20,
    creations=1,
    kills=1,
    devices=6,
    exchanges=5,
    page_keys=5,
    page_octets=300_000,
)
