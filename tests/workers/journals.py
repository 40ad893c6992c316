"""What the tests of the journal share: damage done to files on purpose, and a disk that can be full."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

from workers.journalfile import EventLog, TerminalLog
from workers.journalread import read_events

KEEP = 256 << 10  # small enough that the smallest segments roll and trim within a test


def events(directory: Path) -> dict[int, bytes]:
    return {seq: body for seq, _, body in read_events(str(directory), 0, limit=1000).records}


def write_events(directory: Path, bodies: list[bytes]) -> None:
    log = EventLog.open(str(directory))
    for body in bodies:
        log.append(log.last_seq + 1, 7, body)
    log.close()


def write_output(directory: Path, pieces: list[bytes]) -> None:
    log = TerminalLog.open(str(directory))
    for piece in pieces:
        log.append(log.end, 7, piece)
    log.close()


def flip(path: Path, octet: int) -> None:
    """Turn one bit in a file; a negative `octet` counts from its end."""
    data = bytearray(path.read_bytes())
    data[octet] ^= 0x10
    path.write_bytes(data)


def fill(path: Path) -> None:
    """Write a file until the disk is full."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(512)):
            pass


@contextlib.contextmanager
def no_file_larger_than(octets: int) -> Iterator[None]:
    """A disk that takes no more, to whoever writes: short writes and errors, as on one that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
