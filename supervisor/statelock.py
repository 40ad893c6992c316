"""The lock of a state directory: one supervisor at a time, and its name for whoever comes second."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import time

from workers.bundle import start_time
from workers.errors import Refused

LEAVE_SECONDS = 5.0  # what a supervisor needs to say goodbye to its connections; then it is killed
MAX_STATE_DIR = 90  # octets: a socket's address holds 107, and the name of the socket and a slash go behind


def make_state_dir(path: str) -> None:
    """Create the directory and its parts, readable to nobody else. Raises Refused when that cannot be had."""
    if len(os.fsencode(path)) > MAX_STATE_DIR:
        raise Refused(
            "configuration",
            f"the state directory's path has {len(os.fsencode(path))} octets, a socket's address has room for "
            f"{MAX_STATE_DIR}",
            "choose a shorter one with --state-dir or RC_STATE_DIR",
        )
    try:
        for name in ("", "sessions", "worktrees", "trash"):
            os.makedirs(os.path.join(path, name), mode=0o700, exist_ok=True)
        os.chmod(path, 0o700)
    except OSError as error:
        raise Refused(
            "configuration",
            f"the state directory {path} cannot be used: {error.strerror}",
            "choose one with --state-dir",
        ) from error


def take_lock(state_dir: str, *, take_over: bool) -> int:
    """The lock's descriptor, held until this process ends. Raises Refused naming the holder's pid.

    With `take_over` the holder is asked to end, killed when it does not, and the lock is ours.
    """
    descriptor = os.open(os.path.join(state_dir, "supervisor.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    while not _try(descriptor):
        holder = _holder(descriptor)
        if not take_over or holder is None:
            os.close(descriptor)
            raise Refused(
                "configuration",
                f"a supervisor already serves {state_dir}, pid {holder[0] if holder else 'unknown'}",
                "use it as it is, or end it first with: rc serve --take-over",
                pid=holder[0] if holder else None,
            )
        _end(*holder)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()} {start_time(os.getpid())}\n".encode(), 0)
    return descriptor


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> tuple[int, int] | None:
    """Pid and start time as the holder wrote them; it writes just after it has the lock."""
    for _ in range(50):
        words = os.pread(descriptor, 64, 0).split()
        if len(words) == 2:
            return int(words[0]), int(words[1])
        time.sleep(0.01)
    return None


def _end(pid: int, began: int) -> None:
    try:
        process = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if start_time(pid) != began:
            return
        with contextlib.suppress(ProcessLookupError):
            for number, seconds in ((signal.SIGTERM, LEAVE_SECONDS), (signal.SIGKILL, LEAVE_SECONDS)):
                signal.pidfd_send_signal(process, number)
                if select.select([process], [], [], seconds)[0]:
                    return
    finally:
        os.close(process)
