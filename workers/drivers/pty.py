"""How bytes reach a program on a PTY."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # no stub; the enumerations of `signal` cost each program 1 ms
import contextlib
import errno
import fcntl
import os
import signal
import struct
import termios
from collections.abc import Sequence
from typing import NoReturn

from workers.drivers.prctl import set_dumpable
from workers.errors import Broken

READ = 4096  # a PTY gives at most 4095 octets at once; asking for more makes the kernel allocate more for nothing
FEW = 1 << 10  # octets that come alone, as echoes do: the selector says when there is more
BATCH = 64 << 10  # then the journal and the link get their turn
UNTYPED = 1 << 20  # keys and prompts that the program has not read: four of the largest prompts. Full: dropped, told
OOM_SCORE = "500"  # when memory is short, an agent's program ends before the worker that could tell of it
IUTF8 = 0o40000  # termios has no name for it: erasing in cooked mode takes whole characters
_SIZE = struct.Struct("HHHH")


class Pty:
    """The master side, non-blocking. `failure` is readable when the exec has succeeded or failed."""

    def __init__(self, pid: int, master: int, failure: int) -> None:
        self.pid = pid
        self.master = master
        self.failure = failure
        self._untyped = bytearray()
        self._batch: bytearray | None = None

    @property
    def has_untyped(self) -> bool:
        """Whether keys wait until the program reads: then `flush` when the master is writable."""
        return bool(self._untyped)

    def exec_error(self) -> tuple[str, int] | None:
        """Once `failure` is readable: None when the program runs, else the step that failed and its errno."""
        told = os.read(self.failure, 64)
        os.close(self.failure)
        self.failure = -1
        if not told:
            return None
        step, _, number = told.decode().partition(" ")
        return step, int(number)

    def read(self) -> tuple[bytes, bool]:
        """What is there, up to `BATCH` octets, and whether it was the end: nobody has the other side open."""
        try:
            first = os.read(self.master, READ)
        except BlockingIOError:
            return b"", False
        except OSError:  # EIO: a PTY has no other end of file
            first = b""
        if len(first) < FEW:
            return first, not first
        # One block: many small ones would be spread over the whole heap. Kept for as long as a flood lasts.
        batch = self._batch or bytearray(BATCH)
        batch[: len(first)] = first
        size, ended = self._read_more(memoryview(batch), len(first))
        self._batch = batch if size > BATCH - READ else None
        return bytes(memoryview(batch)[:size]), ended

    def _read_more(self, batch: memoryview, size: int) -> tuple[int, bool]:
        while size <= BATCH - READ:
            try:
                count = os.readv(self.master, [batch[size : size + READ]])
            except BlockingIOError:
                break
            except OSError:
                return size, True
            if not count:
                return size, True
            size += count
        return size, False

    def type(self, data: bytes) -> bool:
        """Give it to the program, now or when it reads. False, and nothing is given: too much waits already."""
        if len(self._untyped) + len(data) > UNTYPED:
            return False
        self._untyped += data
        self.flush()
        return True

    def flush(self) -> None:
        """Give the program as much of what waits as its terminal takes."""
        try:
            while self._untyped:
                del self._untyped[: os.write(self.master, self._untyped)]
        except BlockingIOError:
            return
        except OSError:  # EIO: the program is gone
            self._untyped.clear()

    def resize(self, rows: int, columns: int) -> None:
        """The kernel tells the program with SIGWINCH."""
        with contextlib.suppress(OSError):
            _set_size(self.master, rows, columns)

    def close(self) -> None:
        for descriptor in (self.master, self.failure):
            if descriptor >= 0:
                os.close(descriptor)
        self.master = self.failure = -1


def spawn(
    argv: Sequence[str],
    env: dict[str, str],
    cwd: str,
    rows: int,
    columns: int,
    umask: int,
    wall: Sequence[str] = (),
    plain: bool = False,
) -> Pty:
    """Start `argv` on a new PTY; `argv[0]` is looked up in the `PATH` of `env`.

    `plain` is for those who are no terminal themselves: nothing that is typed comes back, and no line feed gets a
    carriage return.

    `wall` goes before `argv`: the program that puts a wall around it. Raises Broken when no PTY or process is to be
    had; a failed exec shows in `Pty.failure`.
    """
    try:
        master, slave = os.openpty()
    except OSError as error:
        raise Broken(f"no terminal is to be had: {error.strerror}") from error
    _set_size(master, rows, columns)
    attributes = termios.tcgetattr(slave)
    attributes[0] |= IUTF8
    if plain:
        attributes[1] &= ~termios.ONLCR
        attributes[3] &= ~termios.ECHO
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    failure, told = os.pipe2(os.O_CLOEXEC)
    try:
        pid = os.fork()
    except OSError as error:
        for descriptor in (master, slave, failure, told):
            os.close(descriptor)
        raise Broken(f"no process is to be had: {error.strerror}") from error
    if pid == 0:
        _become([*wall, *argv], env, cwd, slave, told, umask)
    os.close(slave)
    os.close(told)
    os.set_blocking(master, False)
    return Pty(pid, master, failure)


def _become(argv: list[str], env: dict[str, str], cwd: str, slave: int, told: int, umask: int) -> NoReturn:
    step = "terminal"
    try:
        # The worker is not dumpable, so that agents cannot look into it; undumpable, an ordinary user's child may not
        # write its own oom_score_adj.
        set_dumpable(True)
        _reset_signals()
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for descriptor in (0, 1, 2):
            os.dup2(slave, descriptor)
        os.umask(umask)
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write(OOM_SCORE)
        step = "workspace"
        os.chdir(cwd)
        step = "exec"
        os.execvpe(argv[0], argv, env)
    except OSError as error:
        os.write(told, f"{step} {error.errno or errno.EIO}".encode())
    except ValueError:  # a name that is empty, or that no encoding has octets for: refused before the kernel sees it
        os.write(told, f"{step} {errno.EINVAL}".encode())
    finally:
        os._exit(127)


def _reset_signals() -> None:
    # An ignored signal stays ignored over exec: Python's SIGPIPE, and SIGHUP of a supervisor started by nohup.
    for number in range(1, _signal.NSIG):
        if _signal.getsignal(number) not in (_signal.SIG_DFL, None):
            _signal.signal(number, _signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _set_size(descriptor: int, rows: int, columns: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, _SIZE.pack(rows, columns, 0, 0))
