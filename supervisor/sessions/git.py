"""Running git: scrubbed, in a process group of its own, with a deadline, and with errors that say what git said."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import trio

from workers.errors import Refused

QUICK_SECONDS = 30.0  # refs and registrations take milliseconds; what takes this long hangs on a dead file system
TERM_GRACE = 1.0  # git removes its lock files and half-made directories at SIGTERM, and that takes milliseconds
DRAIN_SECONDS = 0.1  # reading what an ended process left in its pipes takes microseconds
GROUP_GRACE = 5.0  # after SIGKILL only a disk that does not answer keeps a process
OUTPUT_MAX = 4 << 20  # the longest answer that we read is a list of refs; what is longer is not an answer
READ_ONLY = os.strerror(errno.EROFS)
ERRORS_KEPT = 2000  # of what git wrote to stderr, the end: there stands why
GROUP_LOOK = 0.002
NICE = 10  # a tenth of the weight of others: checkouts must not hold up keys, and alone they are as fast as ever
READ_SIZE = 64 << 10

# Nothing of a repository's own runs or waits here, but for what a user expects of a checkout and a fetch: filters
# (LFS), credential helpers and ssh settings are theirs. /dev/null rather than an empty directory for hooks: nobody
# can put a hook into it.
CONFIG = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.pager=cat",
    "protocol.ext.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",  # a new tree has no submodule to recurse into: git would fail on it
    "worktree.useRelativePaths=false",  # our trees move to the trash and back
)
# Questions are never asked: nobody is there to answer them. An empty GIT_ASKPASS also outranks core.askPass.
FIXED = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "LC_ALL": "C",
}
NO_ROOM_BELOW = 64 << 10  # what a full disk has left: some blocks, too few for the next file
NO_ROOM = ("No space left on device", "Disk quota exceeded")


@dataclass(frozen=True, slots=True)
class Ran:
    """How one call of git ended: exit code (negative: a signal), the whole output, the end of its errors."""

    verb: str
    code: int
    output: bytes
    errors: str

    @property
    def lines(self) -> list[str]:
        """The output as lines; octets that are no UTF-8 as `os.fsdecode` gives them, as paths have them."""
        return os.fsdecode(self.output).splitlines()


@dataclass(slots=True)
class _Said:
    """What a running git has written so far."""

    output: bytearray = field(default_factory=bytearray)
    errors: bytearray = field(default_factory=bytearray)


def environment(source: Mapping[str, str]) -> dict[str, str]:
    """`source` without anything that steers git, and with what keeps git from asking and translating."""
    kept = {name: value for name, value in source.items() if not name.startswith("GIT_") and name != "SSH_ASKPASS"}
    return kept | FIXED


def command(arguments: Sequence[str], git_dir: str | None) -> list[str]:
    """The argument list of one call. `git_dir` is the repository; None has git look for it from its directory."""
    settings = [part for setting in CONFIG for part in ("-c", setting)]
    return ["git", *([f"--git-dir={git_dir}"] if git_dir else []), *settings, *arguments]


async def run(
    *arguments: str,
    cwd: str,
    git_dir: str | None = None,
    seconds: float = QUICK_SECONDS,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    holds: int | None = None,
    background: bool = False,
) -> Ran:
    """Run git to its end, whatever its exit code; in the `background` it leaves the processors to whoever wants them.

    When cancelled or past `seconds` the whole group is ended before this returns. `holds` is a descriptor that git
    and its children keep open: a lock on it tells that one of them lives, even when we do not.
    Raises Refused: `git_failed` when git is not there, takes too long or says too much, `project_gone` when `cwd` is
    not there.
    """
    inherited = () if holds is None else (holds,)
    process = await _open(arguments, cwd, git_dir, env, stdin, inherited)
    if background:
        _step_back(process.pid)
    said = _Said()
    try:
        with trio.move_on_after(seconds) as allowed:
            await _listen(process, said, stdin)
    finally:
        with trio.CancelScope(shield=True):
            if process.returncode is None:
                await _end(process)
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    await pipe.aclose()
    errors = said.errors.decode(errors="replace")
    if allowed.cancelled_caught:
        raise _failed(arguments[0], f"it took longer than {seconds:g} s", errors)
    if len(said.output) > OUTPUT_MAX:
        raise _failed(arguments[0], f"it wrote more than {OUTPUT_MAX >> 20} MiB", errors)
    assert process.returncode is not None
    return Ran(arguments[0], process.returncode, bytes(said.output), errors)


async def succeed(
    *arguments: str,
    cwd: str,
    git_dir: str | None = None,
    seconds: float = QUICK_SECONDS,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    holds: int | None = None,
    background: bool = False,
) -> Ran:
    """`run`, where only exit code 0 will do. Raises Refused like `run`, and `git_failed` or `disk_full` otherwise."""
    ran = await run(
        *arguments,
        cwd=cwd,
        git_dir=git_dir,
        seconds=seconds,
        env=env,
        stdin=stdin,
        holds=holds,
        background=background,
    )
    if ran.code != 0:
        raise failure(ran, cwd)
    return ran


def _step_back(pid: int) -> None:
    """Let everybody else go first. It is the leader of its session: where the kernel weighs sessions against each other
    (autogroups, sched(7)), a process's own niceness counts for nothing outside of it."""
    with contextlib.suppress(OSError):  # it has ended, or may not; then it is as quick as others
        os.setpriority(os.PRIO_PGRP, pid, NICE)
        with open(f"/proc/{pid}/autogroup", "w", encoding="ascii") as file:
            file.write(str(NICE))


def failure(ran: Ran, place: str) -> Refused:
    """The refusal for a call that did not succeed, with git's own words as the cause. `place` is where it wrote."""
    if any(words in ran.errors for words in NO_ROOM) or not _has_room(place):
        return disk_full(f"git {ran.verb} found no space left at {place}")
    if READ_ONLY in ran.errors or _is_read_only(place):
        detail = f"git {ran.verb}: {place} is on a file system that is read-only"
        return Refused("git_failed", detail, f"make {place} writable, and try again", stderr=ran.errors)
    return _failed(ran.verb, cause(ran), ran.errors)


def _is_read_only(place: str) -> bool:
    try:
        return bool(os.statvfs(place).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _has_room(place: str) -> bool:
    try:
        return not is_full(os.statvfs(place))
    except OSError:
        return True


def is_full(disk: os.statvfs_result) -> bool:
    """Whether a file could not be written there. Asked because a checkout only says `unable to write file`."""
    if disk.f_blocks and disk.f_bavail * disk.f_frsize <= NO_ROOM_BELOW:
        return True
    return bool(disk.f_files) and disk.f_favail == 0


def cause(ran: Ran) -> str:
    """Why a call failed, in one line: git's first `fatal:` or `error:`, else its last words."""
    lines = [line.strip() for line in ran.errors.splitlines() if line.strip()]
    told = next((line for line in lines if line.startswith("fatal: ")), None) or next(
        (line for line in lines if line.startswith("error: ")), None
    )
    if told is not None:
        return told.partition(": ")[2]
    if ran.code < 0:
        return f"it was ended by {signal.Signals(-ran.code).name}"
    return lines[-1] if lines else f"it ended with {ran.code}"


def refused_by(error: OSError, what: str) -> Refused:
    """The refusal for a file that could not be made, moved or removed; `what` says the deed, as `cannot <what>`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(f"cannot {what}: {error.strerror}")
    return Refused("git_failed", f"cannot {what}: {error.strerror or error}", "rc doctor looks at the directories")


def disk_full(detail: str) -> Refused:
    return Refused("disk_full", detail, "make room: `rc df` shows the largest directories")


def _failed(verb: str, why: str, errors: str) -> Refused:
    return Refused("git_failed", f"git {verb}: {why}", "run it by hand in the project to see more", stderr=errors)


async def _open(
    arguments: Sequence[str],
    cwd: str,
    git_dir: str | None,
    env: Mapping[str, str] | None,
    stdin: bytes | None,
    inherited: Sequence[int],
) -> trio.Process:
    try:
        return await trio.lowlevel.open_process(
            command(arguments, git_dir),
            cwd=cwd,
            env=environment(os.environ) | dict(env or {}),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=inherited,
            start_new_session=True,  # its children are ended with it, and none of them has a terminal to ask at
        )
    except OSError as error:
        raise _not_started(error, cwd) from error


def _not_started(error: OSError, cwd: str) -> Refused:
    if not os.path.isdir(cwd):
        return Refused("project_gone", f"{cwd} is not there any more", "bring it back, or serve another directory")
    return Refused("git_failed", f"git cannot be run: {error.strerror}", "install git 2.33 or newer")


async def _listen(process: trio.Process, said: _Said, stdin: bytes | None) -> None:
    """Hear a process out and wait for its end; too much output ends the listening."""

    async def read_output() -> None:
        assert process.stdout is not None
        while len(said.output) <= OUTPUT_MAX and (data := await process.stdout.receive_some(READ_SIZE)):
            said.output += data
        if len(said.output) > OUTPUT_MAX:
            talk.cancel_scope.cancel()

    async def read_errors() -> None:
        assert process.stderr is not None
        while data := await process.stderr.receive_some(READ_SIZE):
            said.errors += data
            del said.errors[:-ERRORS_KEPT]

    async def write() -> None:
        if process.stdin is not None:
            with contextlib.suppress(trio.BrokenResourceError):  # it read no further: its exit code says why
                await process.stdin.send_all(stdin or b"")
            await process.stdin.aclose()

    async with trio.open_nursery() as talk:
        talk.start_soon(read_output)
        talk.start_soon(read_errors)
        talk.start_soon(write)
        await process.wait()
        # What it wrote is in the pipes. A daemon that it left behind may hold them open for ever.
        talk.cancel_scope.deadline = trio.current_time() + DRAIN_SECONDS


async def _end(process: trio.Process) -> None:
    """End a process and all of its group, and return when none of them runs any more."""
    # Not `process.wait()` before the last signal: as long as the leader is not reaped, the number is its group's.
    leader = os.pidfd_open(process.pid)
    try:
        os.killpg(process.pid, signal.SIGTERM)
        with trio.move_on_after(TERM_GRACE):
            await trio.lowlevel.wait_readable(leader)
        os.killpg(process.pid, signal.SIGKILL)
    finally:
        os.close(leader)
    with trio.move_on_after(GROUP_GRACE):
        await process.wait()
        # Orphans are not ours to wait for, so we look; they die within a scheduler's tick.
        while _lives(process.pid):  # noqa: ASYNC110
            await trio.sleep(GROUP_LOOK)


def _lives(group: int) -> bool:
    """Whether a process of this group still runs. A zombie does not, and where process 1 is idle it stays for ever."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return any(_is_of(group, name) for name in os.listdir("/proc") if name.isdigit())


def _is_of(group: int, pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            state, _, number = file.read().rpartition(b")")[2].split()[:3]
    except (OSError, ValueError):
        return False  # it ended while we looked
    return int(number) == group and state not in (b"Z", b"X")
