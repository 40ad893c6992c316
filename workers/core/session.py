"""One session as a state machine: commands and facts in, effects out. Whoever performs the effects keeps their order.

Numbers are given here, so an event that cannot be written yet must be written before any later one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from workers.core import commands, events
from workers.core.agent import Adapter, Die, EndTurn, Say, Shape, Step, Type
from workers.core.commands import Command
from workers.core.events import Blob, Update
from workers.core.lifecycle import ENDED, State, Trigger, move
from workers.core.past import Past
from workers.errors import Refused

QUEUE_OCTETS = 1 << 20  # prompts that wait for their turn: a worker's memory is counted in single MiB. Full: refused
MESSAGE_OCTETS = 512  # what a queued prompt costs besides its text


@dataclass(frozen=True, slots=True)
class WriteEvent:
    """Put this into the journal, then tell it. The blob, if any, goes to disk first."""

    seq: int
    body: bytes
    blob: Blob | None = None


@dataclass(frozen=True, slots=True)
class SetSize:
    """Give the terminal this size."""

    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class SendSignal:
    name: str


@dataclass(frozen=True, slots=True)
class EndAgent:
    """Ask the agent and all its descendants to end, and see to it that they do."""


Effect = WriteEvent | Type | SetSize | SendSignal | EndAgent


@dataclass(frozen=True, slots=True)
class Order:
    """A command, who gave it, and the id its message gets when it brings none.

    `origin` is `person` or `rc`; `by` is `{"person", "device"}`; `fresh_id` is a UUID that nobody has used. With a
    `refusal` only a repeat is accepted: whoever gives the order may not, but may hear again what was accepted.
    """

    command: Command
    by: dict[str, Any] | None
    origin: str
    fresh_id: str
    refusal: Refused | None = None


@dataclass(frozen=True, slots=True)
class _Message:
    id: str
    order: Order
    text: str


class Session:
    """`past` is what an earlier worker's journal says: numbers go on after it."""

    def __init__(self, adapter: Adapter, rows: int, columns: int, past: Past) -> None:
        self.state = State.STARTING
        self.pid: int | None = None
        self.exit: dict[str, Any] | None = None  # how it ended: code, signal, reason, terminal_offset or detail
        self.rows, self.columns = past.size or (rows, columns)
        self.last_seq = past.last_seq
        self._adapter = adapter
        self._past = past
        self._waiting: deque[_Message] = deque()
        self._turn: _Message | None = None
        self._end_reason: str | None = None

    @property
    def wake_at(self) -> float | None:
        """When `tick` is wanted; an agent has nothing to wait for between its turns."""
        return self._adapter.wake_at if self._turn else None

    @property
    def turn(self) -> str | None:
        """`idle` or `running`; None on a terminal and when no agent runs."""
        if self._adapter.shape is Shape.TERMINAL or self.state is not State.RUNNING:
            return None
        return "running" if self._turn else "idle"

    @property
    def queue(self) -> list[str]:
        """Ids of the prompts that wait, in their order."""
        return [message.id for message in self._waiting]

    # What happens

    def start(self) -> list[Effect]:
        """The worker has taken the session up and is about to start the agent."""
        left = self._past.unfinished
        starting = self._event(events.process("starting"), "rc")
        return [starting, *(self._event(events.message_state(each, "cancelled"), "rc") for each in left)]

    def started(self, pid: int | None, now: float, terminal_offset: int) -> list[Effect]:
        """The agent's exec has succeeded."""
        self.pid = pid
        if self.state is State.STARTING:  # else it was asked to stop meanwhile
            self.state = move(self.state, Trigger.STARTED)
        return list(self._begin(now, terminal_offset))

    def _begin(self, now: float, terminal_offset: int) -> Iterator[Effect]:
        if self.state is State.RUNNING:
            yield self._event(events.process("running", pid=self.pid, terminal_offset=terminal_offset), "rc")
            if self._adapter.shape is not Shape.TERMINAL:
                yield self._event(events.turn_idle(), "rc")
        yield from self._take_turns(now)

    def launch_failed(self, detail: str) -> list[Effect]:
        """The agent's exec has failed; `detail` names the cause."""
        self.state = move(self.state, Trigger.LAUNCH_FAILED)
        return list(self._last_words({"code": None, "signal": None, "reason": "launch_failed", "detail": detail}))

    def ended(self, code: int | None, signal: str | None, terminal_offset: int, forced: bool) -> list[Effect]:
        """The agent and its descendants are gone. `forced`: it took a SIGKILL of ours to end it."""
        how = {"code": code, "signal": signal, "reason": self._reason(forced), "terminal_offset": terminal_offset}
        self.state = move(self.state, Trigger.SUSPENDED if self._end_reason == "suspended" else Trigger.ENDED)
        return list(self._last_words(how))

    def _reason(self, forced: bool) -> str:
        if self._end_reason == "stopped" and forced:
            return "killed"
        return self._end_reason or "ended"

    def _last_words(self, how: dict[str, Any]) -> Iterator[Effect]:
        self.pid, self.exit = None, how
        for message in [*([self._turn] if self._turn else []), *self._waiting]:
            yield self._event(events.message_state(message.id, "cancelled"), "rc")
        self._turn = None
        self._waiting.clear()
        yield self._event(events.process(self.state.value, **how), "rc")

    def tick(self, now: float) -> list[Effect]:
        """Time has passed."""
        return [*self._perform(self._adapter.tick(now)), *self._take_turns(now)]

    def tell(self, level: str, text: str) -> list[Effect]:
        """Something about this session that people should know; nothing is told behind its end."""
        return [] if self.state in ENDED else [self._event(events.notice(level, text), "rc")]

    # What is asked

    def command(self, order: Order, now: float, terminal_offset: int) -> tuple[int, list[Effect]]:
        """The number of the event that records the acceptance, and what to do. A repeat gets the first number and
        no effects. Raises Refused, and then nothing has changed."""
        command = order.command
        own_id = None if isinstance(command, commands.CancelMessage) else command.message_id
        if own_id is not None and (first := self._past.seq_of(own_id)) is not None:
            return first, []
        if order.refusal is not None:
            raise order.refusal
        if isinstance(command, commands.Prompt):
            own_id = own_id or order.fresh_id
        self._check(command)
        told_id = command.message_id if isinstance(command, commands.CancelMessage) else own_id
        acceptance = self._event(events.accepted(command.kind, told_id), order.origin, order.by)
        if own_id is not None:
            self._past.remember(own_id, acceptance.seq)
        carry_out = _CARRY_OUT[type(command)]
        effects = [acceptance, *carry_out(self, order, own_id or "", terminal_offset), *self._take_turns(now)]
        return acceptance.seq, effects

    def _check(self, command: Command) -> None:
        check_state(command, self.state, self._adapter.shape)
        if isinstance(command, commands.CancelMessage):
            self._check_cancel(command.message_id)
        if isinstance(command, commands.Prompt) and octets_of_prompt(command.text) > self._room():
            raise Refused("rate_limited", "too many prompts wait for their turn", "wait for the agent, or interrupt it")

    def _check_cancel(self, message_id: str) -> None:
        if message_id in self.queue:
            return
        if self._past.seq_of(message_id) is not None:
            raise Refused("invalid_state", "this message does not wait any more", "rc interrupt ends a running turn")
        raise Refused("not_found", "no message with this id waits", "see the events for what was queued")

    def _room(self) -> int:
        return QUEUE_OCTETS - sum(octets_of_prompt(message.text) for message in self._waiting)

    def _prompt(self, order: Order, message_id: str, terminal_offset: int) -> Iterator[Effect]:
        assert isinstance(order.command, commands.Prompt)
        if self._adapter.shape is Shape.TERMINAL:
            yield from self._perform(self._adapter.prompt(order.command.text, 0.0))
            return
        if self.state is not State.RUNNING or self._turn or self._waiting:
            yield self._event(events.message_state(message_id, "queued"), "rc")
        self._waiting.append(_Message(message_id, order, order.command.text))

    def _interrupt(self, order: Order, message_id: str, terminal_offset: int) -> Iterator[Effect]:
        if self._turn or self._adapter.shape is Shape.TERMINAL:
            yield from self._perform(self._adapter.interrupt())

    def _cancel(self, order: Order, message_id: str, terminal_offset: int) -> Iterator[Effect]:
        assert isinstance(order.command, commands.CancelMessage)
        target = order.command.message_id
        self._waiting = deque(message for message in self._waiting if message.id != target)
        yield self._event(events.message_state(target, "cancelled"), "rc")

    def _resize(self, order: Order, message_id: str, terminal_offset: int) -> Iterator[Effect]:
        assert isinstance(order.command, commands.Resize)
        self.rows, self.columns = order.command.rows, order.command.columns
        yield SetSize(self.rows, self.columns)
        yield self._event(events.resized(self.rows, self.columns, terminal_offset), order.origin, order.by)

    def _signal(self, order: Order, message_id: str, terminal_offset: int) -> Iterator[Effect]:
        assert isinstance(order.command, commands.Signal)
        yield SendSignal(order.command.name)

    def _rename(self, order: Order, message_id: str, terminal_offset: int) -> Iterator[Effect]:
        assert isinstance(order.command, commands.Rename)
        yield self._event(events.renamed(order.command.name), order.origin, order.by)

    def _only_record(self, order: Order, message_id: str, terminal_offset: int) -> Iterator[Effect]:
        return iter(())

    def _end(self, order: Order, message_id: str, terminal_offset: int) -> Iterator[Effect]:
        asked = "stopped" if isinstance(order.command, commands.Stop) else "suspended"
        self._end_reason = asked
        if self.state is State.STOPPING:
            return
        if asked == "suspended" and self._adapter.shape is Shape.TERMINAL:
            text = "Suspending ends the program of a terminal session; its working tree stays as it is."
            yield self._event(events.notice("info", text), "rc")
        self.state = move(self.state, Trigger.END_ASKED)
        yield self._event(events.process("stopping", reason=asked), order.origin, order.by)
        yield EndAgent()

    # How it is done

    def _take_turns(self, now: float) -> Iterator[Effect]:
        while self.state is State.RUNNING and self._turn is None and self._waiting:
            self._turn = message = self._waiting.popleft()
            yield self._event(events.message_state(message.id, "started"), "rc", turn=message.id)
            yield self._event(events.turn_running(), "rc", turn=message.id)
            yield self._event(events.user_text(message.text), message.order.origin, message.order.by, message.id)
            yield from self._perform(self._adapter.prompt(message.text, now))

    def _perform(self, steps: list[Step]) -> Iterator[Effect]:
        for step in steps:
            if self.state in ENDED:  # it died; its end is the last event
                return
            if isinstance(step, Say):
                yield self._event(step.update, "agent", turn=self._turn.id if self._turn else None)
            elif isinstance(step, Type):
                yield step
            elif isinstance(step, Die):
                yield from self.ended(step.code, None, 0, forced=False)
            else:
                yield from self._end_turn(step)

    def _end_turn(self, step: EndTurn) -> Iterator[Effect]:
        assert self._turn is not None, "an adapter ended a turn that nobody began"
        turn = self._turn.id
        yield self._event(events.turn_idle(step.stop_reason), "agent", turn=turn)
        state = "cancelled" if step.stop_reason == "cancelled" else "completed"
        yield self._event(events.message_state(turn, state), "rc", turn=turn)
        self._turn = None

    def _event(
        self, update: Update, origin: str, by: dict[str, Any] | None = None, turn: str | None = None
    ) -> WriteEvent:
        fitting, blob = events.fit(update)
        self.last_seq += 1
        return WriteEvent(self.last_seq, events.body_of(fitting, origin, by, turn), blob)


def check_state(command: Command, state: State, shape: Shape) -> None:
    """Raises Refused when a session in this state, or with an agent of this shape, takes no such command."""
    if state in ENDED or (state is State.STOPPING and isinstance(command, commands.Prompt | commands.Suspend)):
        raise Refused("not_running", f"the session is {state.value}", "resume it when it has ended: rc resume")
    if isinstance(command, commands.Resize | commands.Signal) and shape is Shape.INSIDE:
        raise Refused("invalid", f"this agent has no program, so nothing takes a {command.kind}", "send a prompt")


def octets_of_prompt(text: str) -> int:
    """What a prompt that waits counts for against `QUEUE_OCTETS`."""
    return len(text.encode()) + MESSAGE_OCTETS


_CARRY_OUT: dict[type[Command], Callable[[Session, Order, str, int], Iterator[Effect]]] = {
    commands.Prompt: Session._prompt,
    commands.Interrupt: Session._interrupt,
    commands.CancelMessage: Session._cancel,
    commands.Resize: Session._resize,
    commands.Signal: Session._signal,
    commands.Rename: Session._rename,
    commands.Stop: Session._end,
    commands.Suspend: Session._end,
    commands.TakeLease: Session._only_record,
    commands.ReleaseLease: Session._only_record,
}
