"""What the box knows of a remote worker, and what it decides: commands and the worker's records in, effects out.

All of it is read again from the journal, but for the commands that wait for the worker: whoever performs the effects
keeps those on disk. Numbers are given here, so an event that cannot be written yet must be written before any later
one. The counterpart on a local worker's side is `workers.core.session`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from supervisor.core.waitingcommands import Forget, Keep, Kept, Waiting
from supervisor.core.workerrecords import Told
from workers.core import commands, events
from workers.core.agent import Shape
from workers.core.commands import Command
from workers.core.events import Update
from workers.core.lifecycle import ENDED, State
from workers.core.past import REMEMBERED, Past
from workers.core.session import Order, SetSize, WriteEvent, check_state
from workers.errors import Refused

OURS = (commands.Rename, commands.TakeLease, commands.ReleaseLease)  # what no worker is needed for
# An agent's event as `events.body_of` writes it. What an agent says comes later in the body, so it cannot look so.
_AGENTS = re.compile(rb'\{"origin":"agent",(?:"turn":"[0-9a-f-]{36}",)?"via":"bridge","worker":\{"number":(\d+)\},')
MARK = "worker"  # the field of an event in which the box finds again what it needs of its worker


Effect = WriteEvent | SetSize | Keep | Forget


class Ledger:
    """`state`, `run`, and how far the worker's own numbers have come: `number`, and its output at `base` of ours."""

    def __init__(self, shape: Shape) -> None:
        self.state = State.STARTING
        self.run: str | None = None
        self.number = 0
        self.base = 0
        self.last_seq = 0
        self.waiting = Waiting()
        self._shape = shape
        self._past = Past()
        self._messages: dict[str, str] = {}  # prompts that the worker has told of and not settled: queued or started
        self._begun: dict[str, None] = {}  # those that wait no more, oldest first
        self._asked_to_end = "stopped"

    def read(self, seq: int, body: bytes) -> None:
        """One event of the journal, in the order of the numbers."""
        self.last_seq = max(self.last_seq, seq)
        if agents := _AGENTS.match(body):  # most events, and of these only the number counts: not worth parsing
            self.number = int(agents[1])
            return
        self._past.read(seq, body)
        self._take(json.loads(body))

    def keep(self, kept: Kept) -> bool:
        """One command that was found on disk; false when it does not wait: its acceptance was never written, or it was
        not taken away in time."""
        if kept.number > self.last_seq or kept.message_id in self._begun or self.state in ENDED:
            return False
        self.waiting.add(kept)
        return True

    # What the box does

    def start(self) -> list[Effect]:
        """The session is new, or resumed: it waits for a worker."""
        return [*self._settle_messages(), self._event(events.process("starting"))]

    def end(self, reason: str, terminal_offset: int) -> list[Effect]:
        """It is over without a word from the worker: `killed` by us, `stopped` before there was one."""
        how = {"code": None, "signal": None, "reason": reason, "terminal_offset": terminal_offset}
        state = "suspended" if reason == "suspended" else "exited"
        return [*self._close(), self._event(events.process(state, **how))]

    def tell(self, level: str, text: str) -> list[Effect]:
        """Something that people should know; nothing is told behind its end."""
        return [] if self.state in ENDED else [self._event(events.notice(level, text))]

    # What people ask

    def command(self, order: Order, wish: dict[str, Any], terminal_offset: int) -> tuple[int, list[Effect]]:
        """The number of the event that records the acceptance, and what to do. A repeat gets the first number and no
        effects. Raises Refused, and then nothing has changed."""
        command = order.command
        cancels = isinstance(command, commands.CancelMessage)
        own_id = None if cancels else command.message_id
        if own_id is not None and (first := self._past.seq_of(own_id)) is not None:
            return first, []
        if order.refusal is not None:
            raise order.refusal
        self._check(command)
        if isinstance(command, commands.Prompt):
            own_id = own_id or order.fresh_id
        acceptance = self._event(
            events.accepted(command.kind, command.message_id if cancels else own_id), order.origin, order.by
        )
        effects: list[Effect] = [acceptance]
        if isinstance(command, OURS):
            effects += self._carry_out(command, order)
        else:
            effects = [*self._hand_on(order, wish, own_id, acceptance.seq), acceptance]
        if isinstance(command, commands.Stop | commands.Suspend):
            effects += self._ask_to_end(command, order, terminal_offset)
        return acceptance.seq, effects

    def _check(self, command: Command) -> None:
        check_state(command, self.state, self._shape)
        if isinstance(command, commands.CancelMessage):
            self._check_cancel(command.message_id)
        self.waiting.check_room(command.text if isinstance(command, commands.Prompt) else None)

    def _check_cancel(self, message_id: str) -> None:
        if self.waiting.prompt(message_id) is not None:
            return
        if self._past.seq_of(message_id) is not None:
            raise Refused("invalid_state", "this message does not wait any more", "rc interrupt ends a running turn")
        raise Refused("not_found", "no message with this id waits", "see the events for what was queued")

    def _carry_out(self, command: Command, order: Order) -> Iterator[Effect]:
        if isinstance(command, commands.Rename):
            yield self._event(events.renamed(command.name), order.origin, order.by)

    def _hand_on(self, order: Order, wish: dict[str, Any], own_id: str | None, seq: int) -> Iterator[Effect]:
        command = order.command
        if isinstance(command, commands.Resize):  # of sizes that nobody has seen the last one counts
            for old in self.waiting.of_kind(command.kind):
                yield self.waiting.forget(old)
        if not isinstance(command, commands.CancelMessage):  # whose own id is its target's
            wish = {**wish, "message_id": own_id or order.fresh_id}
        message_id = own_id if isinstance(command, commands.Prompt) else None
        yield self.waiting.add(Kept(seq, wish, order.origin, order.by, message_id))

    def _ask_to_end(self, command: Command, order: Order, terminal_offset: int) -> Iterator[Effect]:
        if self.state is State.STOPPING:
            return
        self._asked_to_end = "stopped" if isinstance(command, commands.Stop) else "suspended"
        yield self._event(events.process("stopping", reason=self._asked_to_end), order.origin, order.by)
        if self.run is None:
            yield from self.end(self._asked_to_end, terminal_offset)

    # What the worker tells

    def begin(self, run: str, terminal_offset: int) -> list[Effect]:
        """A worker starts a program; what ran before, if anything, is gone. Raises Refused `not_running`."""
        if run == self.run:
            return []
        self._check_alive()
        if self.state is State.STOPPING:  # what was asked to end has ended
            return self.end(self._asked_to_end, terminal_offset)
        effects: list[Effect] = []
        if self.run is not None:
            effects += self._settle_messages()
            text = "The remote worker has begun anew; the program that ran before, and what it had in hand, is gone."
            effects.append(self._event(events.notice("warning", text)))
        mark = {"run": run, "number": 0, "base": terminal_offset}
        update = events.process("starting", pid=None, terminal_offset=terminal_offset)
        return [*effects, self._event(update, worker=mark)]

    def told(self, told: Told, terminal_offset: int) -> list[Effect]:
        """An event of the worker's; a repeat has no effects. Raises Refused for one that cannot be now."""
        self._check_begun()
        if told.number <= self.number:
            return []
        tell = _TELLS.get(told.update["sessionUpdate"], Ledger._tell_agent)
        effects = list(tell(self, told, terminal_offset))
        self.number = told.number
        return effects

    def output(self, offset: int, data: bytes, end: int) -> tuple[list[Effect], bytes]:
        """What is new in output that begins at `offset` of the run, when ours ends at `end`. Raises Refused."""
        self._check_begun()
        at = self.base + offset
        if at <= end:
            return [], data[end - at :]
        text = f"The remote worker could not keep {at - end} octets of output while it was cut off; they are lost."
        return [self._event(events.notice("warning", text), worker={"base": end - offset})], data

    def done(self, number: int, error: Refused | None) -> list[Effect]:
        """The worker has this command for good, or refuses it."""
        kept = self.waiting.find(number)
        if kept is None:
            return []
        waits = kept.message_id is not None and self._shape is not Shape.TERMINAL
        if error is None:
            return (
                [] if waits else [self.waiting.forget(kept)]
            )  # a prompt waits until its turn: a new run gets it again
        effects: list[Effect] = [self.waiting.forget(kept)]
        if kept.kind != commands.CancelMessage.kind:  # its message's own state says what became of that
            effects += self.tell("warning", f"The worker did not take a {kept.kind}: {error.detail}")
        if waits and kept.message_id is not None:
            effects.append(self._event(events.message_state(kept.message_id, "cancelled")))
        return effects

    def _check_alive(self) -> None:
        if self.state in ENDED:
            raise Refused("not_running", f"the session is {self.state.value}", "rc resume lets a worker begin again")

    def _check_begun(self) -> None:
        self._check_alive()
        if self.run is None:
            raise Refused("invalid_state", "no run has begun", 'send {"type":"begin","run":UUID} first')

    def _tell_agent(self, told: Told, terminal_offset: int) -> Iterator[Effect]:
        if self.state is State.STARTING:
            raise Refused("invalid_state", "the program does not run yet", "tell _rc/process running first")
        turn = told.turn if self._messages.get(told.turn or "") == "started" else None
        yield self._event(told.update, told.origin, turn=turn, worker={"number": told.number})

    def _tell_plain(self, told: Told, terminal_offset: int) -> Iterator[Effect]:
        yield self._event(told.update, worker={"number": told.number})

    def _tell_resized(self, told: Told, terminal_offset: int) -> Iterator[Effect]:
        rows, columns = told.update["rows"], told.update["columns"]
        yield SetSize(rows, columns)
        yield self._event(events.resized(rows, columns, terminal_offset), worker={"number": told.number})

    def _tell_message(self, told: Told, terminal_offset: int) -> Iterator[Effect]:
        message_id, state = told.update["message_id"], told.update["state"]
        kept = self.waiting.prompt(message_id)
        if (kept is None and message_id not in self._messages) or self._messages.get(message_id) == state:
            return  # settled before, by us or by a run that is gone
        if state == "completed" and self._messages.get(message_id) != "started":
            raise Refused("invalid_state", "a message that was not started cannot be completed", "tell that it starts")
        turn = None if state == "queued" else message_id
        yield self._event(told.update, turn=turn, worker={"number": told.number})
        if kept is not None and state == "started":
            yield self._event(events.user_text(kept.wish["text"]), kept.origin, kept.by, message_id)
        if kept is not None and state != "queued":
            yield self.waiting.forget(kept)

    def _tell_process(self, told: Told, terminal_offset: int) -> Iterator[Effect]:
        state, mark = told.update["state"], {"number": told.number}
        if state == "running":
            if self.state is State.STARTING:
                pid = told.update.get("pid")
                yield self._event(events.process("running", pid=pid, terminal_offset=terminal_offset), worker=mark)
            return
        reason = str(told.update.get("reason"))
        if self.state not in _ENDINGS[reason][0]:
            raise Refused("invalid_state", f"what is {self.state.value} does not end so: {reason}", "tell what was")
        how = {key: told.update.get(key) for key in ("code", "signal")}
        detail = {"detail": told.update["detail"]} if "detail" in told.update else {}
        yield from self._close()
        update = events.process(
            _ENDINGS[reason][1].value, **how, reason=reason, **detail, terminal_offset=terminal_offset
        )
        yield self._event(update, worker=mark)

    # How it is done

    def _close(self) -> Iterator[Effect]:
        """Nothing waits any more: each message is told to be cancelled, each command forgotten."""
        yield from self._settle_messages()
        for kept in self.waiting:
            if kept.message_id is not None and self._shape is not Shape.TERMINAL:
                yield self._event(events.message_state(kept.message_id, "cancelled"))
            yield self.waiting.forget(kept)

    def _settle_messages(self) -> Iterator[Effect]:
        """What a run that is gone had begun is cancelled; what it had only queued goes to the next one."""
        waiting = {kept.message_id for kept in self.waiting}
        for message_id in [each for each in self._messages if each not in waiting]:
            if self._messages[message_id] == "started":
                yield self._event(events.turn_idle("cancelled"), turn=message_id)
            yield self._event(events.message_state(message_id, "cancelled"))
        for message_id in [*self._messages]:
            del self._messages[message_id]

    def _event(
        self,
        update: Update,
        origin: str = "rc",
        by: dict[str, Any] | None = None,
        turn: str | None = None,
        worker: dict[str, Any] | None = None,
    ) -> WriteEvent:
        fitting, blob = events.fit(update)
        body = events.body_of(fitting, origin, by, turn, worker)
        self.read(self.last_seq + 1, body)
        return WriteEvent(self.last_seq, body, blob)

    def _take(self, event: dict[str, Any]) -> None:
        mark = event.get(MARK) or {}
        self.run = mark.get("run", self.run)
        self.number = mark.get("number", self.number)
        self.base = mark.get("base", self.base)
        update = event["update"]
        if event["origin"] == "agent":
            return
        if update["sessionUpdate"] == "_rc/process":
            self.state = State(update["state"])
            if self.state in ENDED:
                self.run = None
            elif self.state is State.STOPPING:
                self._asked_to_end = update["reason"]
        elif update["sessionUpdate"] == "_rc/message_state":
            self._take_message(update["message_id"], update["state"])

    def _take_message(self, message_id: str, state: str) -> None:
        if state in ("queued", "started"):
            self._messages[message_id] = state
        else:
            self._messages.pop(message_id, None)
        if state != "queued":
            self._begun[message_id] = None
            while len(self._begun) > REMEMBERED:
                del self._begun[next(iter(self._begun))]


_LIVE = (State.STARTING, State.RUNNING, State.STOPPING)
# How a run ends, by the reason that the worker gives: from which states, and the state then.
_ENDINGS: dict[str, tuple[tuple[State, ...], State]] = {
    "ended": ((State.RUNNING, State.STOPPING), State.EXITED),
    "launch_failed": ((State.STARTING, State.STOPPING), State.EXITED),
    "stopped": ((State.STOPPING,), State.EXITED),
    "killed": ((State.STOPPING,), State.EXITED),
    "suspended": ((State.STOPPING,), State.SUSPENDED),
    "lost": (_LIVE, State.LOST),
    "rebooted": (_LIVE, State.LOST),
}
_TELLS: dict[str, Callable[[Ledger, Told, int], Iterator[Effect]]] = {
    "_rc/process": Ledger._tell_process,
    "_rc/message_state": Ledger._tell_message,
    "_rc/resized": Ledger._tell_resized,
    "_rc/notice": Ledger._tell_plain,
    "state_update": Ledger._tell_agent,
}
