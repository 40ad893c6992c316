"""Runs one program for the inspector: its own session, bounded output, dead when we are."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
READ = 1 << 16
COMPLAINT = 4096  # octets of the program's stderr that are worth telling

libc = ctypes.CDLL(None, use_errno=True)


class Late(Exception):
    """The deadline has passed."""


def _be_late(_number: int, _frame: object) -> None:
    raise Late


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raises Late inside the block when it lasts longer; `renew` grants it the time anew."""
    signal.signal(signal.SIGALRM, _be_late)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    renew(seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def renew(seconds: float) -> None:
    """Let the deadline be `seconds` from now."""
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a program. `cut`: it had more to say than was asked for and was killed; the code means nothing."""

    code: int
    output: bytes
    complaint: str
    cut: bool = False


def run_program(
    argv: list[str], env: dict[str, str], directory: str, scratch: str, limit: int, stdin: bytes = b""
) -> Ran:
    """Run `argv` (found in PATH of `env`) in `directory`. At most `limit` octets of its output are kept.

    `scratch` is a directory of ours for its input and its complaints. Raises OSError when it cannot be started, Late
    by way of `deadline`; on every way out its whole session is killed.
    """
    given, errors = _file(scratch, "stdin", stdin), _file(scratch, "stderr", b"")
    reading, writing = os.pipe2(os.O_CLOEXEC)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(argv, env, directory, (given, writing, errors), parent)
    finished = False
    try:
        os.close(writing)
        output, cut = _read(reading, limit)
        if cut:
            _kill(pid)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        finished = True
        return Ran(code, output, os.pread(errors, COMPLAINT, 0).decode(errors="replace").strip(), cut)
    finally:
        if not finished:
            _kill(pid)
            os.waitpid(pid, 0)
        for descriptor in (reading, given, errors):
            os.close(descriptor)


def _read(descriptor: int, limit: int) -> tuple[bytes, bool]:
    output = bytearray()
    while len(output) <= limit:
        data = os.read(descriptor, READ)
        if not data:
            return bytes(output), False
        output += data
    return bytes(output[:limit]), True


def _file(scratch: str, name: str, content: bytes) -> int:
    descriptor = os.open(os.path.join(scratch, name), os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _kill(pid: int) -> None:
    # The group is there as soon as the child has come to `setsid`; before that there is only the child.
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _become(argv: list[str], env: dict[str, str], directory: str, standard: tuple[int, ...], parent: int) -> NoReturn:
    """In the child: never returns, and runs nothing of the parent's cleaning up."""
    try:
        signal.setitimer(signal.ITIMER_REAL, 0)
        os.setsid()
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(127)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        for number, descriptor in enumerate(standard):
            os.dup2(descriptor, number)  # dup2 makes them inheritable; every other one is closed by the exec
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.chdir(directory)
        os.execvpe(argv[0], argv, env)
    finally:
        os._exit(127)
