"""A program on a PTY with all that it starts: launched, read, steered, and ended without leaving anything behind."""

from __future__ import annotations

import errno
import os
import selectors
import signal
import time
from collections.abc import Sequence
from typing import Protocol

from workers.drivers.pty import Pty, spawn
from workers.errors import Broken
from workers.processes import Ladder, child_signals, reap

SWEEP_GRACE = 1.0  # seconds for what a program left behind: nobody promised it more
DRAIN_SECONDS = 0.25  # how long output is awaited behind the program's end while somebody else holds its terminal
HANGUP_SECONDS = 0.1  # a program may close its terminal and open it again: how often that is looked at
STRETCH = 64 << 10  # octets that are read between two rests, one batch of a program that prints flat out
PACED_SECONDS = 2.0  # without another word the pace is forgotten: a supervisor that has died takes nothing back
LAST_READS = 16  # of 64 KiB: a terminal holds 4 KiB, the rest is for a process that cannot be killed


class Told(Protocol):
    """Who hears how it goes."""

    def program_started(self, pid: int) -> None: ...

    def program_failed(self, detail: str) -> None: ...

    def program_output(self, data: bytes) -> None: ...

    def program_ended(self, code: int | None, name: str | None, forced: bool) -> None:
        """It and all its descendants are gone. `name` is the signal's; `forced`: it took a SIGKILL of ours."""
        ...

    def program_waits(self) -> None:
        """It and all its descendants are gone, but it is paused: told again and again, until it is not any more."""
        ...


class Program:
    """The one program of this process, which must be a subreaper.

    While `paused` it is not read, and does not end either, since its last words would be lost.
    """

    def __init__(self, selector: selectors.BaseSelector, told: Told) -> None:
        self._selector = selector
        self._told = told
        self._pty: Pty | None = None
        self._where: tuple[str, dict[str, str], str] = ("", {}, "")
        self._ladder: Ladder | None = None
        self._paused = False
        self._read_at: float | None = None  # after a hangup: when to look whether the terminal is in use again
        self._rest_until: float | None = None  # it has printed a lot, and others want to be heard as well
        self._rest, self._paced_until = 0.0, 0.0
        self._since_rest = 0  # octets
        self._how: tuple[int | None, str | None, bool] | None = None  # code, signal, forced; None while it runs
        self._sweep_at: float | None = None  # once it has ended: when its descendants are asked to follow
        self._signals = child_signals()
        selector.register(self._signals, selectors.EVENT_READ, self._children_changed)

    def launch(
        self,
        argv: Sequence[str],
        env: dict[str, str],
        cwd: str,
        rows: int,
        columns: int,
        umask: int,
        wall: Sequence[str] = (),
        plain: bool = False,
    ) -> None:
        """See `spawn`; whether the exec has succeeded is told later."""
        try:
            self._pty = spawn(argv, env, cwd, rows, columns, umask, wall, plain)
        except Broken as error:
            self._told.program_failed(str(error))
            return
        self._where = ((*wall, *argv)[0], env, cwd)
        self._selector.register(self._pty.failure, selectors.EVENT_READ, self._exec_told)

    def _exec_told(self, _mask: int) -> None:
        assert self._pty is not None
        self._selector.unregister(self._pty.failure)
        error = self._pty.exec_error()
        if error is None:
            self._watch()
            self._told.program_started(self._pty.pid)
            return
        self._pty.close()
        self._pty = None
        step, number = error
        self._told.program_failed(explain(step, number, *self._where))

    # Steering

    def type(self, data: bytes) -> bool:
        """Give it to the program; False when it leaves too much unread, or has no terminal any more."""
        typed = self._pty is not None and self._pty.type(data)
        self._watch()
        return typed

    @property
    def typed(self) -> bool:
        """Whether it has read all that was typed, or its terminal has it."""
        return self._pty is None or not self._pty.has_untyped

    @property
    def terminal(self) -> int:
        """The descriptor of its terminal; negative when it has none."""
        return -1 if self._pty is None else self._pty.master

    def resize(self, rows: int, columns: int) -> None:
        if self._pty is not None:
            self._pty.resize(rows, columns)

    def signal(self, number: signal.Signals) -> None:
        """To the program alone, not to what it started."""
        if self._pty is not None and self._how is None:  # not waited for, so the pid is still its own
            os.kill(self._pty.pid, number)

    def end(self, grace: float) -> None:
        """Ask the program and all below it to end, and kill after `grace` seconds."""
        if self._ladder is None:
            self._ladder = Ladder(time.monotonic(), grace)

    def pause(self, paused: bool) -> None:
        """Whether it is not to be read."""
        self._paused = paused
        self._watch()

    def pace(self, rest: float) -> None:
        """Rest for so many seconds after each `STRETCH`; 0 takes it back, and ends a rest under way."""
        self._rest, self._paced_until = rest, time.monotonic() + PACED_SECONDS
        if not rest:
            self._rest_until = None
            self._watch()

    # Listening

    def _watch(self) -> None:
        if self._pty is None:
            return
        waits = self._paused or self._read_at is not None or self._rest_until is not None
        wanted = 0 if waits else selectors.EVENT_READ
        if self._pty.has_untyped:
            wanted |= selectors.EVENT_WRITE
        known = self._selector.get_map().get(self._pty.master)
        if known is not None and known.events != wanted:
            self._selector.unregister(self._pty.master)
            known = None
        if known is None and wanted:
            self._selector.register(self._pty.master, wanted, self._serve)

    def _serve(self, mask: int) -> None:
        assert self._pty is not None
        if mask & selectors.EVENT_WRITE:
            self._pty.flush()
            self._watch()
        if mask & selectors.EVENT_READ:
            data, hung_up = self._pty.read()
            if hung_up:
                now = time.monotonic()
                self._read_at = now + HANGUP_SECONDS
                self._sweep_at = now if self._how else None
                self._watch()
            if data:
                self._told.program_output(data)
            if self._rest:
                self._take_rest(len(data), time.monotonic())

    def _take_rest(self, octets: int, now: float) -> None:
        self._since_rest += octets
        if now >= self._paced_until:
            self._rest = 0.0
        elif self._since_rest >= STRETCH:
            self._since_rest, self._rest_until = 0, now + self._rest
            self._watch()

    def _children_changed(self, _mask: int) -> None:
        for pid, status in reap(self._signals):
            if self._pty is not None and pid == self._pty.pid:
                self._ended(os.waitstatus_to_exitcode(status))

    def _ended(self, code: int) -> None:
        assert self._pty is not None
        if self._pty.failure >= 0:  # it began, and ended, since we last looked
            self._exec_told(0)
        if self._pty is None:
            return
        forced = self._ladder is not None and self._ladder.killing
        self._how = (code, None, forced) if code >= 0 else (None, signal_name(-code), forced)
        self._sweep_at = time.monotonic() + (0 if self._read_at else DRAIN_SECONDS)

    # Time

    def next_at(self) -> float | None:
        """When `tick` is wanted."""
        ladder = None if self._ladder is None or self._sweep_at is not None else self._ladder.next_at
        times = (self._read_at, self._rest_until, self._sweep_at, ladder)
        return min((at for at in times if at is not None), default=None)

    def tick(self, now: float) -> None:
        if self._read_at is not None and now >= self._read_at and self._how is None:
            self._read_at = None
            self._watch()
        if self._rest_until is not None and now >= self._rest_until:
            self._rest_until = None
            self._watch()
        if self._sweep_at is not None and now >= self._sweep_at:
            self._sweep(now)
        if self._sweep_at is None and self._ladder is not None and now >= self._ladder.next_at:
            gone = self._ladder.tick(now)
            if gone and self._how is not None:
                self._end_or_wait(*self._how)

    def _sweep(self, now: float) -> None:
        self._sweep_at = None
        if self._ladder is None:
            self._ladder = Ladder(now, SWEEP_GRACE)
        self._ladder.hurry(now, SWEEP_GRACE)

    def _end_or_wait(self, code: int | None, name: str | None, forced: bool) -> None:
        if self._paused:
            self._told.program_waits()
        if not self._paused:
            self._finish(code, name, forced)

    def _finish(self, code: int | None, name: str | None, forced: bool) -> None:
        assert self._pty is not None
        for _ in range(LAST_READS):
            data, _hung_up = self._pty.read()
            if not data:
                break
            self._told.program_output(data)
            if self._paused:
                return
        if self._selector.get_map().get(self._pty.master) is not None:
            self._selector.unregister(self._pty.master)
        self._pty.close()
        self._pty = self._ladder = None
        self._told.program_ended(code, name, forced)


def signal_name(number: int) -> str:
    """A signal's name, as `kill -l` has it. Python has names for the ends of the real-time signals only."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"


def explain(step: str, number: int, name: str, env: dict[str, str], cwd: str) -> str:
    """Why a program could not be started, for people: the step that failed and its errno."""
    why = os.strerror(number)
    if step != "exec":
        return f"the {step} {cwd} cannot be used: {why}" if step == "workspace" else f"no {step}: {why}"
    path = os.path.join(cwd, name)
    if "/" not in name:
        return _explain_search(name, number, env, why)
    if number == errno.ENOENT and os.path.exists(path):
        return f"{name} names an interpreter that does not exist"
    if number == errno.EACCES and os.path.isdir(path):
        return f"{name} is a directory"
    if number == errno.EACCES:
        return f"{name} is not executable: {why}"
    return f"{name} cannot be run: {why}"


def _explain_search(name: str, number: int, env: dict[str, str], why: str) -> str:
    if number in (errno.ENOENT, errno.ENOTDIR):
        return f"{name} is not found in PATH={env.get('PATH', os.defpath)}"
    return f"{name}, as found in PATH, cannot be run: {why}"
