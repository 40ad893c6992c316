"""What /proc tells of a process of this machine. All of it may block: the kernel asks the process's own memory."""

from __future__ import annotations

from dataclasses import dataclass

from supervisor.core.peer import Process

MOST_PARENTS = 1024  # deeper than any chain of real processes; a loop would be a bug of the kernel
WORKER_NAME = "rc-worker"


@dataclass(frozen=True, slots=True)
class Stat:
    """Of /proc/<pid>/stat, see proc(5). `began` is the start time, in clock ticks since boot."""

    name: str
    parent: int
    sid: int
    tty: int
    began: int


def stat(pid: int) -> Stat | None:
    """None for a process that is gone, or dead and not yet reaped."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            head, _, tail = file.read().rpartition(b")")
    except OSError:
        return None
    words = tail.split()
    if words[0] in (b"Z", b"X"):
        return None
    name = head.partition(b"(")[2].decode(errors="replace")
    return Stat(name, int(words[1]), int(words[3]), int(words[4]), int(words[19]))


def chain(pid: int) -> tuple[Process, ...] | None:
    """The process and its parents; None when one of them could not be read."""
    found: list[Process] = []
    while pid and len(found) < MOST_PARENTS:
        known = stat(pid)
        if known is None:
            return None
        found.append(Process(pid, known.name == WORKER_NAME))
        pid = known.parent
    return tuple(found)


def namespaces(pid: int) -> int | None:
    """In how many process namespaces it has a number."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            return next((len(line.split()) - 1 for line in file if line.startswith("NSpid:")), None)
    except OSError:
        return None


def marked(pid: int) -> str | None:
    """The session that the environment names. Unreadable counts as none: an ordinary account's own programs may be
    undumpable, and an agent that hides its environment is still seen by its parents."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        return None
    found = next((word for word in words if word.startswith(b"RC_SESSION_ID=")), None)
    return None if found is None else found.partition(b"=")[2].decode(errors="replace")


def pid_of(pidfd: int) -> int:
    """The pid behind a pidfd; -1 when the process is gone."""
    with open(f"/proc/self/fdinfo/{pidfd}", encoding="ascii") as file:
        return next((int(line.split()[1]) for line in file if line.startswith("Pid:")), -1)
