"""One session as the supervisor knows it: its spec, its facts, its hub, and the link while its worker answers."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import trio

from supervisor.core.facts import Facts, fold
from supervisor.core.hold import KEEPING, Hold, Turn, move
from supervisor.core.leases import Lease
from supervisor.sessions.hub import Hub
from supervisor.sessions.line import Clogged
from supervisor.sessions.link import TAKE_SECONDS, Silent
from supervisor.sessions.reach import Reach
from supervisor.sessions.repeats import first_acceptance
from workers.bundle import Bundle
from workers.core.events import client_frame
from workers.core.lifecycle import ENDED, State
from workers.core.screen import Part, SnapshotPlan
from workers.core.spec import Spec
from workers.core.wire import Frame, Kind
from workers.errors import Broken, Refused
from workers.segments import segments

SETTLE_SECONDS = 5.0  # from the last event to the worker's exit take some ms, a full disk or a busy machine more
QUIET = {"last_seq", "offset", "start"}  # facts that move with every event: no reason to tell the whole box


class Acceptance(NamedTuple):
    """A command's number; `repeat`: it was accepted before, and is not carried out again."""

    seq: int
    repeat: bool


class Session:
    """One row of the registry. `on_change` is called whenever what people are shown (see `shown`) has changed in
    earnest."""

    def __init__(self, spec: Spec, facts: Facts, bundle: Bundle, on_change: Callable[[Session], None]) -> None:
        self.spec = spec
        self.facts = facts
        self.bundle = bundle
        self.hold = Hold.FREE
        self.worker_pid: int | None = None
        self.lease = Lease()
        self.hub = Hub(bundle.directory, facts.last_seq, facts.offset, self._mute)
        self._link: Reach | None = None
        self._left_waiting = False  # somebody's command met nothing but silence; until the worker's next word
        self._on_change = on_change

    # What it is

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def is_terminal(self) -> bool:
        return self.spec.adapter == "terminal"

    @property
    def ended(self) -> bool:
        return self.facts.ended

    @property
    def gone(self) -> bool:
        """Whether it is no session of this box any more; then its connections end."""
        return self.hold is Hold.GONE

    @property
    def kept(self) -> bool:
        """Whether a keeper follows its worker, so that nobody else may touch the bundle."""
        return self.hold in KEEPING

    @property
    def unresponsive(self) -> bool:
        """Whether its worker lives and has not answered for long."""
        return self.hold is Hold.SILENT

    @property
    def answers(self) -> bool:
        """Whether a worker is linked, and nothing is known to be wrong with it."""
        return self._link is not None and not self.unresponsive and not self._left_waiting

    async def look_at_kept_output(self) -> None:
        """See from which offset on output is kept: nobody tells when the oldest is dropped."""
        start = await trio.to_thread.run_sync(_kept_from, self.bundle.directory)
        if start is not None and start != self.facts.start:
            self.set_facts(start=start)

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return when the condition holds; it is looked at whenever something about this session is new."""
        while not condition():
            await self.hub.wait_news()

    async def wait_settled(self) -> None:
        """Return when an ended session's worker and keeper are gone as well: its bundle is free, its slot given back.

        A session that has not ended is settled as it is. Raises Refused when they do not go.
        """
        with trio.move_on_after(SETTLE_SECONDS):
            await self.wait_until(lambda: not (self.ended and self.kept))
            return
        raise Refused("invalid_state", f"session {self.facts.name} is still ending", "try again in a moment")

    # What can be asked of it

    async def command(self, command: dict[str, Any], by: dict[str, Any] | None, origin: str = "person") -> int:
        """Have the worker accept a command: the number of the event that says so, which is then on disk.

        Raises Refused: what the worker refused, or `not_running` when there is none that answers.
        """
        return (await self.order(command, by, origin)()).seq

    def order(
        self,
        command: dict[str, Any],
        by: dict[str, Any] | None,
        origin: str = "person",
        refusal: Refused | None = None,
    ) -> Callable[[], Awaitable[Acceptance]]:
        """`command` in two halves: it is sent before this returns, so that keys typed afterwards arrive afterwards,
        and what this returns waits for the acceptance. Both halves raise Refused; with a `refusal` that is what comes
        unless the command was accepted before, under the same `message_id`. Where no worker answers, the journal
        knows whether it was.

        A worker that reads the command when we have given up waiting must not carry out what was refused: so it is
        told until when it may, by the clock that all processes of a machine share."""
        asked = {"command": command, "by": by, "origin": origin, "until": time.monotonic() + TAKE_SECONDS}
        if refusal is not None:
            asked["refusal"] = {"code": refusal.code, "detail": refusal.detail, "hint": refusal.hint}
        try:
            link = self._linked()
            question = link.ask(Kind.COMMAND, asked)
        except Broken as error:
            refused = self._not_running(str(error))
            if _own_id(command) is None:
                raise refused from error
            return partial(self._accepted_before, command, refused)

        async def accepted() -> Acceptance:
            try:
                answer = await link.answer(question)
            except Broken as error:
                return await self._accepted_before(command, self._unanswered(error))
            except Refused as refused:
                if refusal is None or refused.code != refusal.code:
                    raise
                raise refusal from None  # ours has fields that did not travel
            return Acceptance(int(answer["seq"]), bool(answer.get("repeat")))

        return accepted

    def _unanswered(self, error: Broken) -> Refused:
        if not isinstance(error, Silent):
            return self._not_running(str(error))
        self._left_waiting = True
        return self._not_running(f"{error}; unless it took this just before it fell silent, it will do nothing of it")

    async def _accepted_before(self, command: dict[str, Any], refusal: Refused) -> Acceptance:
        """The first acceptance of a command that no worker can take now. Raises the refusal when there is none."""
        own_id = _own_id(command)
        seq = await first_acceptance(self.bundle.directory, own_id) if own_id is not None else None
        if seq is None:
            raise refusal
        return Acceptance(seq, repeat=True)

    def check_running(self) -> None:
        """Raises Refused `not_running` when its agent has ended."""
        if self.ended:
            raise self._not_running(f"it is {self.facts.state.value}")

    async def wait_clear(self) -> None:
        """Before more of a size is sent: see `Line.wait_clear`."""
        if self._link is not None:
            await self._link.wait_clear()

    @property
    def has_room_for_keys(self) -> bool:
        """Whether a few keys are taken at once."""
        return self._link is None or self._link.typist.has_room

    async def wait_room_for_keys(self) -> None:
        """Before more than a few keys are typed: see `Typist.wait_room`."""
        if self._link is not None:
            await self._link.typist.wait_room()

    def type(self, data: bytes) -> None:
        """Keys for the terminal: sent at once, never acknowledged, lost when no worker answers.

        Raises Refused(`not_running`) when too much waits for the program.
        """
        if self._link is not None:
            try:
                self._link.typist.type(data)
            except Clogged as error:
                raise self._not_running(str(error)) from error
            except Broken:
                self._link.close()

    async def snapshot(self, want: int) -> SnapshotPlan:
        """How the screen is shown to a late viewer, with about `want` octets of output before it."""
        if self._link is not None:
            try:
                return SnapshotPlan.from_json(await self._link.request(Kind.SNAPSHOT, {"want": want}))
            except Broken:
                pass  # it has just ended: the plan that it left behind is as good
        plan = await trio.to_thread.run_sync(self.bundle.read_json, "screen.json")
        if plan is not None:
            return SnapshotPlan.from_json(plan)
        end, facts = self.hub.end, self.facts
        tail = Part(b"", max(facts.start, end - want), end, facts.rows, facts.columns, ())
        return SnapshotPlan((tail,), end)

    def _linked(self) -> Reach:
        if self._link is None or not (self.answers or self._link.keeps):
            raise Broken(
                f"it is {self.facts.state.value}" if self.ended else "its worker does not answer, so nothing was done"
            )
        return self._link

    def _not_running(self, why: str) -> Refused:
        name = self.facts.name
        hint = f"try again in a moment, or end it with: rc stop {name}"
        if self.ended:
            hint = f"resume it with: rc resume {name}"
        return Refused("not_running", f"session {self.facts.name} cannot take this: {why}", hint)

    # What the keeper tells it

    def link_up(self, link: Reach) -> None:
        """A worker answered: its word on the state of the session counts."""
        state = link.welcome["state"]
        terminal = state["terminal"] or {}
        is_over = State(state["state"]) in ENDED
        self._link = link
        self._left_waiting = False
        self.worker_pid = state["worker_pid"]
        self.hold = move(self.hold, Turn.WORD)
        self.facts = replace(
            self.facts,
            state=State(state["state"]),
            turn=state["turn"],
            pid=state["pid"],
            exit=self.facts.exit if is_over else None,
            history=state["history"],
            last_seq=state["last_seq"],
            start=terminal.get("start", 0),
            offset=terminal.get("offset", 0),
            rows=terminal.get("rows", self.facts.rows),
            columns=terminal.get("columns", self.facts.columns),
        )
        self.hub.restart_events(self.facts.last_seq)
        self.hub.advance(self.facts.offset)
        if self.hub.lookers:
            self._mute(True)
        self.changed()

    def word(self) -> None:
        """Its worker has said something."""
        if self._left_waiting or self.unresponsive:
            self._left_waiting = False
            self.turn(Turn.WORD)

    def link_down(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = None
        self.hub.drop_ring()

    def turn(self, turn: Turn) -> None:
        """It is held in another way from now on; see `core.hold`."""
        was_unresponsive = self.unresponsive
        self.hold = move(self.hold, turn)
        if self.unresponsive != was_unresponsive:
            self.changed()
        else:
            self.hub.tell()

    def take(self, frame: Frame) -> None:
        """One frame from the worker. Raises Broken for what a worker does not send."""
        if frame.kind is Kind.OUTPUT:
            self.hub.add_output(frame.number, frame.payload)
        elif frame.kind is Kind.EVENT:
            self.take_event(frame.number, int.from_bytes(frame.payload[:8], "big"), frame.payload[8:])
        elif frame.kind is Kind.LIVE:
            self._go_live(frame.number)
        elif frame.kind is Kind.PROGRESS:
            self.hub.advance(frame.number)
        elif frame.kind is not Kind.PONG:
            raise Broken(f"a worker that sends {frame.kind.name}")

    def _go_live(self, offset: int) -> None:
        if self.hub.lookers:
            self.hub.go_live(offset)
            return
        # The worker caught up just before it read that nobody looks: the ring, and the terminal that came with this,
        # would stay until somebody does.
        self.hub.advance(offset)
        if self._link is not None:
            self._link.give_back()

    def take_event(self, seq: int, at_ns: int, body: bytes) -> None:
        """One event, from the link or from disk; one that is known already is passed over."""
        if seq <= self.facts.last_seq:
            return
        before = self.facts
        self.facts = fold(before, seq, json.loads(body))
        self.hub.add_event(seq, client_frame(seq, at_ns, body))
        if any(getattr(before, name) != getattr(self.facts, name) for name in _LOUD):
            self.changed()

    def set_facts(self, **facts: Any) -> None:
        """Facts that no event tells: those of a session that has no worker yet, or of a journal that was trimmed."""
        self.facts = replace(self.facts, **facts)
        self.changed()

    def changed(self) -> None:
        """Tell whoever shows this session, and whoever waits on its hub. Nobody types into one that has ended."""
        if self.ended:
            self.lease.end()
        self._on_change(self)
        self.hub.tell()

    def _mute(self, looked_at: bool) -> None:
        self._on_change(self)
        if self._link is not None:
            try:
                self._link.send(Kind.UNMUTE if looked_at else Kind.MUTE)
                if not looked_at:
                    self._link.give_back()
            except Broken:
                self._link.close()


def _kept_from(directory: str) -> int | None:
    with contextlib.suppress(OSError):  # somebody took the bundle away, is deleting it, or lets nobody read it
        return next(iter(segments(directory, "terminal")), 0)
    return None


def _own_id(command: dict[str, Any]) -> str | None:
    """The id by which a repeat of this command is known; in a `cancel_message` it is the target's."""
    return None if command["kind"] == "cancel_message" else command.get("message_id")


_LOUD = [name for name in Facts.__dataclass_fields__ if name not in QUIET]
