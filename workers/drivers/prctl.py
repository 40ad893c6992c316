"""What a process tells the kernel about itself: calls for which the standard library has no name."""

from __future__ import annotations

import ctypes

_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3

_libc = ctypes.CDLL(None, use_errno=True)


def set_dumpable(dumpable: bool) -> None:
    """Whether processes of the same account may look into this one's memory and environment."""
    _libc.prctl(_PR_SET_DUMPABLE, int(dumpable), 0, 0, 0)


def set_name(name: str) -> None:
    """What `ps` shows; 15 octets."""
    _libc.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def become_subreaper() -> None:
    """Orphans among our descendants become our children: none of them gets out of sight by a double fork."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def give_memory_back(threshold: int) -> None:
    """Have malloc map blocks from `threshold` octets on by themselves and return them at once, also after a fork.

    By itself it raises the threshold to the largest block ever freed, keeps 128 KiB at the end of the heap, and cuts
    blocks from there first: a process would keep its largest buffers for good.
    """
    _libc.mallopt(_M_MMAP_THRESHOLD, threshold)
    _libc.mallopt(_M_TRIM_THRESHOLD, threshold)
    _libc.mallopt(_M_TOP_PAD, 0)
    _libc.malloc_trim(0)
