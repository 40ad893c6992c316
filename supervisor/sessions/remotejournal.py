"""The journal of a session whose worker is remote: written by the box, with the same code as a local worker's."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections import deque
from collections.abc import Callable, Sequence

import trio

from supervisor.core.ledger import Effect, Ledger
from supervisor.core.waitingcommands import Keep, Kept
from supervisor.sessions.session import Session
from workers.core.agent import Shape
from workers.core.events import now_text
from workers.core.lifecycle import ENDED
from workers.core.screen import SnapshotPlan
from workers.core.session import SetSize, WriteEvent
from workers.core.wire import Frame, Kind
from workers.errors import Refused
from workers.journalread import read_events
from workers.recorder import Recorder
from workers.syncer import Syncer
from workers.tail import TAIL, track_tail

COMMANDS = "commands"  # the bundle's directory of those that wait, one file each, named by its number
PAGE_EVENTS, PAGE_OCTETS = 1000, 1 << 20

Settled = Callable[[OSError | None], None]


class RemoteJournal:
    """Reads all that there is as it is made, hence in a thread. The caller holds the bundle's lock. `run` is its
    lifetime; what the ledger decides is done by `do`."""

    def __init__(self, session: Session, boot: str) -> None:
        directory = session.bundle.directory
        self.history = session.bundle.history_for(boot)
        self.ledger = Ledger(Shape.TERMINAL if session.is_terminal else Shape.INSIDE)
        self._session = session
        self._recorder = Recorder(directory, self, session.spec.terminal_keep)
        self._read(directory)
        self._read_kept()
        kept = self._recorder.start, self._recorder.end
        self._tracker = track_tail(directory, session.facts.rows, session.facts.columns, *kept)
        self._recorder.put_aside()
        self._undone: deque[Effect] = deque()
        self._doing: Effect | None = None
        self._goes_live = False  # somebody looks at the terminal since just now: the hub is to be told where it begins
        self._stirred = trio.Event()
        self._room = trio.Event()

    def _read(self, directory: str) -> None:
        after = 0
        while records := read_events(directory, after, PAGE_EVENTS, PAGE_OCTETS).records:
            for seq, _at, body in records:
                self.ledger.read(seq, body)
            after = records[-1][0]
        self.ledger.last_seq = self._recorder.last_seq  # the newest numbers may be among those that are lost

    def _read_kept(self) -> None:
        folder = self._session.bundle.path(COMMANDS)
        os.makedirs(folder, 0o700, exist_ok=True)
        for name in sorted((each for each in os.listdir(folder) if each.isdecimal()), key=int):
            kept = None
            with contextlib.suppress(ValueError, TypeError):  # cut short by a power cut, hence never acknowledged
                kept = Kept.from_json(self._session.bundle.read(f"{COMMANDS}/{name}") or "")
            if kept is None or not self.ledger.keep(kept):
                os.unlink(os.path.join(folder, name))

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """See to the disk until cancelled."""
        for text in self._recorder.damage:
            self.do(self.ledger.tell("warning", text))
        syncer = self._recorder.start_syncing()
        task_status.started()
        async with trio.open_nursery() as tasks:
            tasks.start_soon(self._settle_forever, syncer)
            tasks.start_soon(self._tick_forever)

    async def _settle_forever(self, syncer: Syncer) -> None:
        while True:
            await trio.lowlevel.wait_readable(syncer.fd)
            self._recorder.settled()

    async def _tick_forever(self) -> None:
        while True:
            due = self._recorder.due()
            with trio.move_on_after(math.inf if due is None else max(0.0, due - time.monotonic())):
                await self._stirred.wait()
                self._stirred = trio.Event()
            self._recorder.tick(time.monotonic())
            if self._goes_live:
                self._goes_live = False
                self._session.take(Frame(Kind.LIVE, self.end))

    async def close(self) -> None:
        """Behind `run`: put all on disk, and leave the notes of an end."""
        self._recorder.close()  # blocks, for next to nothing when it was settled before
        if self.ledger.state in ENDED:
            with trio.CancelScope(shield=True), contextlib.suppress(OSError):  # the journal, which has it, is enough
                await trio.to_thread.run_sync(self._leave_notes)

    def _leave_notes(self) -> None:
        facts, bundle = self._session.facts, self._session.bundle
        note = {**(facts.exit or {}), "state": facts.state.value, "at": now_text(time.time_ns())}
        bundle.write("exit.json", json.dumps(note))
        bundle.write("screen.json", json.dumps(self.plan(TAIL).to_json()))

    # What is in it

    @property
    def start(self) -> int:
        """The oldest octet of output that is kept."""
        return self._recorder.start

    @property
    def end(self) -> int:
        """The offset of the next octet of output."""
        return self._recorder.end

    @property
    def last_seq(self) -> int:
        """The newest event that may be told."""
        return self._recorder.last_seq

    @property
    def is_over(self) -> bool:
        """The session has ended, and all of it is written."""
        if self.ledger.state not in ENDED:
            return False
        self._recorder.take_last_words()
        return not self._recorder.waits

    @property
    def is_full(self) -> bool:
        """Whether the disk is."""
        return self._recorder.full_until is not None

    @property
    def is_crowded(self) -> bool:
        """Whether so much waits for room that nothing more should be said."""
        return self._recorder.is_crowded

    def plan(self, want: int) -> SnapshotPlan:
        """How the screen is shown to a late viewer, with about `want` octets of output before it."""
        return self._tracker.plan(self.start, want)

    # Writing

    async def wait_room(self) -> None:
        """Before more is written: return when the disk has taken what came before."""
        while self._recorder.waits and self.ledger.state not in ENDED:
            await self._room.wait()

    def _wake(self) -> None:
        # The waker gives the next event, not who waits: several wait for the same one.
        self._room.set()
        self._room = trio.Event()

    def output(self, data: bytes) -> None:
        """Write terminal output. `wait_room` comes first."""
        self._recorder.output(data)

    def do(self, effects: Sequence[Effect]) -> None:
        """In the order of their numbers: what one of them brings about comes behind those that were there before."""
        self._undone += effects
        while self._doing is None and self._undone:
            self._doing = self._undone.popleft()
            try:
                self._perform(self._doing)
            finally:  # should it ever fail, those behind it are done with the next ones, not never
                self._doing = None

    def _perform(self, effect: Effect) -> None:
        if isinstance(effect, WriteEvent):
            self._recorder.write_event(effect)
        elif isinstance(effect, SetSize):
            self._tracker.resized(effect.rows, effect.columns)
        elif isinstance(effect, Keep):
            self._recorder.leave_file(f"{COMMANDS}/{effect.kept.number}", effect.kept.to_json().encode())
        else:
            with contextlib.suppress(OSError):  # it still waits for room: it is seen to be over when it is read
                os.unlink(self._session.bundle.path(f"{COMMANDS}/{effect.number}"))
        self._wake()

    def call_settled(self, settled: Settled) -> None:
        """Call this once all that was written so far is on disk, or is not known to be."""
        self._recorder.settle(settled)

    async def settle(self) -> None:
        """Return when all that was written so far is on disk. Raises Refused `disk_full` when it is not known to be."""
        done, failed = trio.Event(), list[OSError]()

        def settled(error: OSError | None) -> None:
            failed.extend([error] if error else [])
            done.set()

        self._recorder.settle(settled)
        await done.wait()
        if failed:
            raise Refused("disk_full", f"the disk did not take it: {failed[0].strerror}", "look at the box's disk")

    # What the recorder tells

    def event_written(self, seq: int, at_ns: int, body: bytes) -> None:
        self._session.take_event(seq, at_ns, body)
        self._stirred.set()

    def output_written(self, offset: int, data: bytes) -> None:
        self._tracker.feed(data)
        self._session.hub.add_output(offset, data)
        self._stirred.set()

    def disk_is_full(self) -> None:
        text = "The disk of the box is full: the worker is not read, and prompts are refused, until there is room."
        self.do(self.ledger.tell("error", text))
        self._stirred.set()

    def disk_has_room(self) -> None:
        self._wake()
        self.do(self.ledger.tell("info", "There is room on the disk again; the session goes on."))

    def show(self, looked_at: bool) -> None:
        """Whether somebody looks at the terminal, who is to get each octet at once."""
        self._goes_live = looked_at
        self._stirred.set()
