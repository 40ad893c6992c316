"""Other processes: who descends from whom, and how a whole tree is made to end."""

from __future__ import annotations

import contextlib
import os
import signal

from workers.bundle import read_small, start_time

POLL_FIRST, POLL_MOST = 0.005, 0.1  # seconds; SIGCHLD shows only direct children, so a tree that ends is looked at
GIVE_UP_SECONDS = 5.0  # a process that SIGKILL does not end hangs in the kernel; then the session ends without it
MOST_ANCESTORS = 64  # a chain that is longer is a loop made of reused pids

ASK = (signal.SIGHUP, signal.SIGTERM, signal.SIGCONT)  # shells heed the first, programs the second; a stopped one
# sees neither until it is continued


def descendants(root: int) -> list[int]:
    """Living processes below `root`, parents before their children."""
    below: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal() and (stat := _state_and_parent(int(name))) and stat[0] not in "ZX":
            below.setdefault(stat[1], []).append(int(name))
    found = [root]
    for pid in found:
        found += below.get(pid, ())
    return found[1:]


def descends(pid: int, root: int) -> bool:
    """Whether `pid` is `root` or below it; also when that cannot be ruled out, since its parents cannot be read."""
    for _ in range(MOST_ANCESTORS):
        if pid == root:
            return True
        if pid == 1:
            return False
        stat = _state_and_parent(pid) if pid > 0 else None
        if stat is None:
            return True
        if stat[1] == 0:  # the first process of the namespace, or one that entered it from outside
            return False
        pid = stat[1]
    return True


def _state_and_parent(pid: int) -> tuple[str, int] | None:
    try:
        fields = read_small(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        return fields[0].decode(), int(fields[1])
    except (OSError, ValueError, IndexError):
        return None


def signal_tree(root: int, *numbers: signal.Signals) -> int:
    """Send the signals to every living process below `root`, not to itself: how many there are."""
    tree = descendants(root)
    for pid in tree:
        _signal(pid, numbers)
    return len(tree)


def _signal(pid: int, numbers: tuple[signal.Signals, ...]) -> None:
    # Between the look and the signal the pid may have become somebody else's: the descriptor holds on to one process,
    # and its parents, read behind it, say that it is still the right one.
    began = start_time(pid)
    with contextlib.suppress(OSError):
        descriptor = os.pidfd_open(pid)
        try:
            if began is not None and start_time(pid) == began and descends(pid, os.getpid()):
                for number in numbers:
                    signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


class Ladder:
    """Ends everything below this process: asks at once, and kills after `grace` seconds. `now` is any steady clock."""

    def __init__(self, now: float, grace: float) -> None:
        self.killing = False
        self._kill_at = self.next_at = now + grace
        self._pause = POLL_FIRST
        signal_tree(os.getpid(), *ASK)

    def hurry(self, now: float, grace: float) -> None:
        """Kill after `grace` seconds from now at the latest, and look now and then whether all are gone."""
        self._kill_at = min(self._kill_at, now + grace)
        self.next_at = now

    def tick(self, now: float) -> bool:
        """Call at `next_at`. Whether all are gone, or given up."""
        self.next_at = now + self._pause
        self._pause = min(self._pause * 2, POLL_MOST)
        if now < self._kill_at:
            return not descendants(os.getpid())
        self.killing = True
        return signal_tree(os.getpid(), signal.SIGKILL) == 0 or now >= self._kill_at + GIVE_UP_SECONDS


def child_signals() -> int:
    """A descriptor that is readable when a child has changed its state; then call `reap`."""
    readable, writable = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    # a full pipe needs no further octet to be readable
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    return readable


def reap(signals: int) -> list[tuple[int, int]]:
    """Pid and wait status of every child that has ended, ours by a fork or as an orphan."""
    with contextlib.suppress(BlockingIOError):
        while os.read(signals, 512):
            pass
    ended: list[tuple[int, int]] = []
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended.append(found)
    return ended


def close_all_but(*keep: int) -> None:
    """Close every descriptor but 0 to 2 and `keep`: a fork inherits all, close-on-exec or not."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in keep:
            with contextlib.suppress(OSError):  # the listing's own is closed already
                os.close(int(name))
