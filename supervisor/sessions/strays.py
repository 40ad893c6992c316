"""Processes that are to be killed: a worker that must not stay, and what a dead one left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

from workers.bundle import Bundle, boot_id, start_time

WORKER = "rc-worker"  # how the zygote names one
ROUNDS = 5  # a process that forks while it is being looked for is found in the next look


def end_strays(session: str) -> int:
    """Kill every process of our account whose environment carries this session's id: how many there were.

    One that cleared its environment is not found; for that it takes a control group (see the README).
    """
    killed = 0
    for _ in range(ROUNDS):
        found = [pid for pid in _ours(session) if _kill(pid, session)]
        killed += len(found)
        if not found:
            break
    return killed


def _ours(session: str) -> Iterator[int]:
    me = os.getpid()
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal() and int(entry.name) != me and _carries(int(entry.name), session):
            yield int(entry.name)


def _carries(pid: int, session: str) -> bool:
    marker = f"RC_SESSION_ID={session}".encode()
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return marker in file.read().split(b"\0")
    except OSError:
        return False  # gone, or of another account


def _kill(pid: int, session: str) -> bool:
    """Whether it was alive and is killed: by a pidfd, and looked at again behind it, so that no other is hit."""
    began = start_time(pid)
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if began is None or start_time(pid) != began or not _carries(pid, session):
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def kill_worker(bundle: Bundle) -> None:
    """Kill the worker that holds this bundle, if it is still the process that wrote its name there. Where no name is,
    for which a full disk may have had no room, it is who holds the lock and calls itself a worker."""
    worker: dict[str, Any] | None = bundle.read_json("worker.json")
    if worker is None:
        _kill_holder(bundle)
        return
    if worker.get("boot_id") != boot_id():
        return
    try:
        descriptor = os.pidfd_open(int(worker["pid"]))
    except (OSError, KeyError, ValueError):
        return
    try:
        if start_time(int(worker["pid"])) == worker.get("start_time"):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except OSError:
        return
    finally:
        os.close(descriptor)


def _kill_holder(bundle: Bundle) -> None:
    pid = _holder(bundle)
    if pid is None:
        return
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    try:
        # Asked again behind the pidfd: it is the holder still, and nobody who got its number.
        if _holder(bundle) == pid:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except OSError:
        return
    finally:
        os.close(descriptor)


def _holder(bundle: Bundle) -> int | None:
    """The worker that has this bundle's lock. The kernel tells: `1: FLOCK ADVISORY WRITE pid 08:01:inode 0 EOF`."""
    try:
        lock = os.stat(bundle.path("lock"))
        with open("/proc/locks", encoding="ascii") as file:
            rows = [line.split() for line in file]
        place = f"{os.major(lock.st_dev):02x}:{os.minor(lock.st_dev):02x}:{lock.st_ino}"
        holders = [row[4] for row in rows if len(row) == 8 and row[1] == "FLOCK" and row[5] == place]
        for pid in holders:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                if file.read().strip() == WORKER:
                    return int(pid)
    except OSError:
        pass
    return None
