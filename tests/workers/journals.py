"""What the tests of the journal share: damage done to files on purpose, and a disk that can be full."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path


def flip(path: Path, octet: int) -> None:
    """Turn one bit in a file; a negative `octet` counts from its end."""
    data = bytearray(path.read_bytes())
    data[octet] ^= 0x10
    path.write_bytes(data)


@contextlib.contextmanager
def small_disk(directory: Path, octets: int) -> Iterator[Path]:
    """A file system of `octets` at `directory`/disk. Needs root."""
    disk = directory / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={octets}", "rc-test", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


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


def is_root() -> bool:
    return os.geteuid() == 0
