"""The worker: holds one session, from the lock on its bundle to its exit note."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from workers.adapters.echo import Echo
from workers.adapters.terminal import Terminal
from workers.bundle import Bundle, boot_id, start_time
from workers.core import commands
from workers.core.agent import Adapter, Type
from workers.core.events import now_text
from workers.core.lifecycle import ENDED
from workers.core.past import Past
from workers.core.session import Effect, SendSignal, Session, SetSize, WriteEvent
from workers.core.spec import Spec
from workers.errors import Refused
from workers.linkserver import LinkServer, Ticket
from workers.orders import outcome, read_order
from workers.processes import descends
from workers.program import Program
from workers.recorder import Recorder
from workers.tail import TAIL, track_tail

STOP_GRACE = 10.0  # seconds between asking an agent to end and killing it
FLUSH_SECONDS = 1.0  # how long the supervisor gets to read the last events; it finds them on disk as well
LOCK_SECONDS = 2.0  # a resume may come while the earlier worker, having told its end, is still on its way out
LOCK_PAUSE = 0.005
DEAF_SECONDS = 10.0  # one notice in so many seconds about keys that were dropped
ON_FULL_DISK = (commands.Stop, commands.Suspend, commands.Signal, commands.Interrupt)  # what may make room

ADAPTERS: dict[str, Callable[[], Adapter]] = {"terminal": Terminal, "echo": Echo}


def run(directory: str, resume: bool, umask: int) -> None:
    """Be the worker of the bundle in `directory`; returns when the session has ended, or was never ours to hold.

    `umask` is what the agent gets; the worker's own is 077 and its working directory is the bundle.
    """
    bundle = Bundle(directory)
    lock = _take_lock(bundle, patient=resume)
    if lock is None:
        return
    try:
        # Somebody who cleaned up marked it void; one that has ended already goes on only when that is asked for.
        if not bundle.is_void() and (resume or bundle.read("exit.json") is None):
            for left in ("exit.json", "screen.json"):
                if os.path.lexists(bundle.path(left)):
                    os.unlink(bundle.path(left))
            Host(bundle, bundle.spec(), umask).run()
    finally:
        os.close(lock)


def _take_lock(bundle: Bundle, patient: bool) -> int | None:
    until = time.monotonic() + (LOCK_SECONDS if patient else 0)
    while (lock := bundle.try_lock()) is None and time.monotonic() < until:
        time.sleep(LOCK_PAUSE)
    return lock


class Host:
    """One selector, one session, one agent. `_do` carries out what the session decides."""

    def __init__(self, bundle: Bundle, spec: Spec, umask: int) -> None:
        self._bundle = bundle
        self._spec = spec
        self._umask = umask
        self._boot = boot_id()
        self._history = bundle.history_for(self._boot)
        self._selector = selectors.DefaultSelector()
        self._recorder = Recorder(bundle.directory, self, spec.terminal_keep)
        self._links = LinkServer(self._selector, bundle.key(), spec.id, self._recorder.end, self)
        self._past = self._recorder.read_past() if self._recorder.last_seq else Past()
        self._session = Session(ADAPTERS[spec.adapter](), spec.rows, spec.columns, self._past)
        self._program = Program(self._selector, self)
        size, kept = (self._session.rows, self._session.columns), (self._recorder.start, self._recorder.end)
        self._tracker = track_tail(bundle.directory, *size, *kept)
        self._undone: deque[Effect] = deque()
        self._deaf_until = 0.0  # until then nobody is told again that the program does not read

    def run(self) -> None:
        is_new = self._past.last_seq == 0
        self._do(self._session.start())
        for text in (*(self._spec.notices if is_new else ()), *self._recorder.damage):
            self._do(self._session.tell("warning", text))
        self._links.listen()
        self._launch()
        while not self._is_over():
            self._wait_and_serve()
        self._leave()

    def _is_over(self) -> bool:
        """The session has ended, and all of it is written: until there is room for that, somebody has to try."""
        if self._session.state not in ENDED:
            return False
        self._recorder.take_last_words()
        return not self._recorder.waits

    def _launch(self) -> None:
        spec, session = self._spec, self._session
        if spec.argv:
            self._program.launch(spec.argv, spec.env, spec.workspace, session.rows, session.columns, self._umask)
        syncer = self._recorder.start_syncing()  # a thread, hence behind the last fork
        self._selector.register(syncer.fd, selectors.EVENT_READ, self._recorder.settled)
        # What follows costs no time: the kernel is loading the program meanwhile.
        me = os.getpid()
        note = {"pid": me, "start_time": start_time(me), "boot_id": self._boot}
        self._recorder.leave_file("worker.json", json.dumps(note).encode())
        self._recorder.put_aside()
        if not spec.argv:
            self.program_started(None)

    def _wait_and_serve(self) -> None:
        times = (self._links.next_at(), self._recorder.due(), self._wake_at(), self._program.next_at())
        next_at = min((at for at in times if at is not None), default=None)
        timeout = None if next_at is None else max(0.0, next_at - time.monotonic())
        ready = self._selector.select(timeout)
        for key, mask in ready:
            # Of several, an earlier callback may have closed or changed this one.
            if len(ready) == 1 or self._selector.get_map().get(key.fd) is key:
                key.data(mask)
        now = time.monotonic()
        self._links.tick(now)
        self._recorder.tick(now)
        self._program.tick(now)
        if self._wake_at() is not None:
            self._do(self._session.tick(now))

    def _wake_at(self) -> float | None:
        """When the agent wants to go on; on a full disk it is paused like a program."""
        return self._session.wake_at if self._recorder.full_until is None else None

    # What the program tells

    def program_started(self, pid: int | None) -> None:
        self._do(self._session.started(pid, time.monotonic(), self._recorder.end))

    def program_failed(self, detail: str) -> None:
        self._do(self._session.launch_failed(detail))

    def program_output(self, data: bytes) -> None:
        self._recorder.output(data)
        if self._recorder.waits:
            self._program.pause(True)

    def program_waits(self) -> None:
        self._recorder.take_last_words()
        self._program.pause(self._recorder.waits)

    def program_ended(self, code: int | None, name: str | None, forced: bool) -> None:
        self._do(self._session.ended(code, name, self._recorder.end, forced))

    # What the session decides

    def _do(self, effects: list[Effect]) -> None:
        """In the order of their numbers: what one of them brings about comes behind those that were there before."""
        is_first = not self._undone
        self._undone += effects
        while is_first and self._undone:
            self._perform(self._undone[0])
            self._undone.popleft()

    def _perform(self, effect: Effect) -> None:
        if isinstance(effect, WriteEvent):
            self._recorder.write_event(effect)
        elif isinstance(effect, Type):
            self._type(effect.data)
        elif isinstance(effect, SetSize):
            self._program.resize(effect.rows, effect.columns)
            self._tracker.resized(effect.rows, effect.columns)
        elif isinstance(effect, SendSignal):
            self._program.signal(signal.Signals[f"SIG{effect.name}"])
        else:
            self._end_agent()

    def _type(self, data: bytes) -> None:
        now = time.monotonic()
        if not self._program.type(data) and now >= self._deaf_until and not self._recorder.is_crowded:
            self._deaf_until = now + DEAF_SECONDS
            text = "The program does not read what is typed; what came last was dropped."
            self._do(self._session.tell("warning", text))

    def _end_agent(self) -> None:
        if self._spec.argv:
            self._program.end(STOP_GRACE)
        else:
            self.program_ended(None, None, False)

    # What the supervisor asks

    def is_inside(self, pid: int) -> bool:
        return descends(pid, os.getpid())

    def welcome(self, epoch: int) -> dict[str, Any]:
        # Kept for a supervisor whose store is lost: with a lower epoch than ours no worker would have it.
        with contextlib.suppress(OSError):  # a full disk; the store is where it belongs
            self._bundle.write("epoch.json", json.dumps({"epoch": epoch}), durable=False)
        session, recorder = self._session, self._recorder
        return {
            "state": session.state.value,
            "turn": session.turn,
            "history": self._history,
            "last_seq": recorder.last_seq,
            "terminal": {
                "start": recorder.start,
                "offset": recorder.end,
                "rows": session.rows,
                "columns": session.columns,
            },
            "pid": session.pid,
            "worker_pid": os.getpid(),
        }

    def take_keys(self, data: bytes) -> None:
        if self._spec.argv and data:
            self._type(data)

    @property
    def typed(self) -> bool:
        return self._program.typed

    @property
    def terminal(self) -> int:
        return self._program.terminal

    def pace(self, rest: float) -> None:
        self._program.pace(rest)

    def take_command(self, ticket: Ticket, value: Any) -> None:
        order = read_order(value, time.monotonic())
        recorder = self._recorder
        if recorder.full_until is not None and (recorder.is_crowded or not isinstance(order.command, ON_FULL_DISK)):
            # Not raised here: a repeat of what was accepted gets its first number, and writes nothing.
            full = "the disk of this box is full", "make room on it; the session goes on by itself"
            order = replace(order, refusal=order.refusal or Refused("disk_full", *full))
        seq, effects = self._session.command(order, time.monotonic(), recorder.end)
        self._do(effects)
        recorder.settle(lambda error: self._links.answer(ticket, outcome(seq, not effects, error)))

    def take_snapshot(self, ticket: Ticket, value: Any) -> None:
        want = value.get("want") if isinstance(value, dict) else None
        if not isinstance(want, int) or want < 0:
            raise Refused("invalid", "a snapshot without the number of octets wanted", 'send {"want": OCTETS}')
        self._links.answer(ticket, self._tracker.plan(self._recorder.start, want).to_json())

    # What the journal tells

    def event_written(self, seq: int, at_ns: int, body: bytes) -> None:
        self._links.event(seq, at_ns, body)

    def output_written(self, offset: int, data: bytes) -> None:
        self._links.output(offset, data)
        self._tracker.feed(data)

    def disk_is_full(self) -> None:
        self._program.pause(True)
        text = "The disk is full: the program is paused and prompts are refused until there is room."
        self._do(self._session.tell("error", text))

    def disk_has_room(self) -> None:
        self._program.pause(False)
        self._do(self._session.tell("info", "There is room on the disk again; the session goes on."))

    # The end

    def _leave(self) -> None:
        """All that happened is in the journal: put it on disk, leave the note, and let the supervisor hear it."""
        self._links.stop_listening()
        self._recorder.close()
        note = {**(self._session.exit or {}), "state": self._session.state.value, "at": now_text(time.time_ns())}
        plan = self._tracker.plan(self._recorder.start, TAIL)
        with contextlib.suppress(OSError):  # on a full disk the journal, which has the end as well, is enough
            self._bundle.write("exit.json", json.dumps(note))
            self._bundle.write("screen.json", json.dumps(plan.to_json()))
        until = time.monotonic() + FLUSH_SECONDS
        while self._links.unsent and (left := until - time.monotonic()) > 0:
            for key, mask in self._selector.select(left):
                key.data(mask)
