"""The box's stand-in for a remote worker: what the session asks is kept for the worker, what that tells is recorded.

To the session it is what a link to a local worker is. The worker itself comes and goes, over whatever line.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import trio

from supervisor.core.hold import Turn
from supervisor.core.ledger import Effect
from supervisor.core.waitingcommands import Keep, Kept
from supervisor.core.workerrecords import Begin, Done, Output, Ping, Record, Told
from supervisor.sessions.link import ANSWER_SECONDS, Question, unwrap
from supervisor.sessions.presence import Presence, WorkerLine
from supervisor.sessions.remotejournal import RemoteJournal
from supervisor.sessions.session import Session
from workers.core import commands
from workers.core.lifecycle import ENDED
from workers.core.wire import Kind
from workers.errors import Refused
from workers.orders import outcome, read_order

PROTOCOL = 1
LOOK_SECONDS = 1.0  # how often it is looked at whether the worker is there
ON_FULL_DISK = (commands.Stop, commands.Suspend, commands.Signal, commands.Interrupt)  # as a local worker has it


class StandIn:
    """All methods are called while `run` runs, from any task."""

    keeps = True

    def __init__(self, session: Session, journal: RemoteJournal) -> None:
        self.typist = self.presence = Presence(trio.current_time())
        self._session = session
        self._journal = journal
        self._ledger = journal.ledger
        self._asked = 0
        self._questions: dict[int, Question] = {}
        self._tells_recorded = False

    async def run(self) -> None:
        """Look whether the worker is there, until cancelled."""
        while True:
            await trio.sleep(LOOK_SECONDS)
            is_missed = self._ledger.run is not None and self.presence.is_missed(trio.current_time())
            if is_missed and not self._session.unresponsive:
                self._session.turn(Turn.SILENCE)

    def start(self) -> None:
        """The session is new, or resumed: it waits for a worker."""
        self._journal.do(self._ledger.start())

    def end(self, reason: str) -> None:
        """It is over, whatever the worker says; it will hear of it."""
        if self._ledger.state not in ENDED:
            self._journal.do(self._ledger.end(reason, self._journal.end))

    # What the session asks of it, as of a link

    @property
    def welcome(self) -> dict[str, Any]:
        facts, journal = self._session.facts, self._journal
        size = {"rows": facts.rows, "columns": facts.columns}
        return {
            "state": {
                "state": facts.state.value,
                "turn": facts.turn,
                "history": journal.history,
                "last_seq": journal.last_seq,
                "terminal": {"start": journal.start, "offset": journal.end, **size},
                "pid": facts.pid,
                "worker_pid": None,
            }
        }

    def ask(self, kind: Kind, value: object) -> Question:
        self._asked += 1
        question = self._questions[self._asked] = Question(self._asked)
        if kind is Kind.SNAPSHOT:
            assert isinstance(value, dict)
            _answer(question, self._journal.plan(value["want"]).to_json())
            return question
        try:
            seq, effects = self._command(value)
        except Refused as error:
            _answer(question, {"error": {"code": error.code, "detail": error.detail, "hint": error.hint}})
            return question
        self._journal.do(effects)
        for effect in effects:  # now that the journal has that it was accepted
            if isinstance(effect, Keep):
                self._hand_over(effect.kept)
        self._journal.call_settled(lambda error: _answer(question, outcome(seq, not effects, error)))
        return question

    def _command(self, value: Any) -> tuple[int, list[Effect]]:
        order, journal = read_order(value, time.monotonic()), self._journal
        if journal.is_full and (journal.is_crowded or not isinstance(order.command, ON_FULL_DISK)):
            full = "the disk of this box is full", "make room on it; the session goes on by itself"
            order = replace(order, refusal=order.refusal or Refused("disk_full", *full))
        return self._ledger.command(order, value["command"], journal.end)

    async def answer(self, question: Question) -> dict[str, Any]:
        """See `Link.answer`."""
        try:
            with trio.move_on_after(ANSWER_SECONDS):
                await question.answered.wait()
        finally:
            self._questions.pop(question.number, None)
        return unwrap(question)

    async def request(self, kind: Kind, value: object) -> dict[str, Any]:
        return await self.answer(self.ask(kind, value))

    def send(self, kind: Kind) -> None:
        """Whether somebody looks: UNMUTE or MUTE."""
        self._journal.show(kind is Kind.UNMUTE)

    def give_back(self) -> None:
        """Nothing is ever lent."""

    async def wait_clear(self) -> None:
        """What is asked waits on disk, where it has its own bound."""
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Whoever waits for an answer gets Broken, and the worker's line is cut."""
        for question in self._questions.values():
            question.answered.set()
        self.presence.end("ended" if self._ledger.state in ENDED else "supervisor_stopping")

    # What the worker says

    def attach(self, line: WorkerLine) -> None:
        """The worker has come. Raises Refused `not_running` when the session has ended."""
        session, ledger = self._session, self._ledger
        if ledger.state in ENDED:
            raise Refused("not_running", f"session {session.facts.name} has ended", f"rc resume {session.facts.name}")
        self.presence.come(line, trio.current_time())
        session.word()
        line.tell(
            type="hello",
            protocol=PROTOCOL,
            generation=line.generation,
            session={
                **{name: getattr(session.spec, name) for name in ("id", "agent", "adapter", "argv", "env", "project")},
                "name": session.facts.name,
                "rows": session.facts.rows,
                "columns": session.facts.columns,
            },
            run=ledger.run,
            **self.recorded,
        )
        self._hand_over_all()

    def detach(self, line: WorkerLine) -> None:
        """Its line was cut."""
        self.presence.go(line, trio.current_time())

    async def wait_room(self) -> None:
        """Before each record: return when there is room for it."""
        await self._journal.wait_room()

    def take(self, record: Record) -> None:
        """One record; a repeat changes nothing, nor does what comes behind the session's end. Raises Refused, and then
        nothing has changed."""
        journal, ledger = self._journal, self._ledger
        self.presence.heard(trio.current_time())
        self._session.word()
        if isinstance(record, Ping):
            self.presence.tell(type="pong", id=record.id)
            return
        if ledger.state in ENDED:
            return
        if isinstance(record, Begin):
            self._begin(record.run)
        elif isinstance(record, Told):
            journal.do(ledger.told(record, journal.end))
        elif isinstance(record, Done):
            journal.do(ledger.done(record.number, record.error))
        else:
            self._take_output(record)
        self._tell_recorded()

    def _begin(self, run: str) -> None:
        effects = self._ledger.begin(run, self._journal.end)
        self._journal.do(effects)
        if effects:  # none of a repeat: what waits was handed over as this line came
            self._hand_over_all()

    def _take_output(self, output: Output) -> None:
        effects, data = self._ledger.output(output.offset, output.data, self._journal.end)
        self._journal.do(effects)
        if data:
            self._journal.output(data)

    def _hand_over_all(self) -> None:
        for kept in self._ledger.waiting:
            self._hand_over(kept)

    def _hand_over(self, kept: Kept) -> None:
        """Give a command to the worker; before it has begun nobody could carry it out."""
        if self._ledger.run is not None:
            self.presence.tell(type="command", number=kept.number, command=kept.wish)

    @property
    def recorded(self) -> dict[str, int]:
        """How far the worker's own numbers have come."""
        return {"number": self._ledger.number, "terminal_offset": self._journal.end - self._ledger.base}

    def _tell_recorded(self) -> None:
        """Tell the worker what is on disk, once it is: one answer for all that comes meanwhile."""
        if self._tells_recorded:
            return
        self._tells_recorded, recorded = True, self.recorded

        def settled(error: OSError | None) -> None:
            self._tells_recorded = False
            if error is None:
                self.presence.tell(type="recorded", **recorded)
            if self.recorded != recorded:
                self._tell_recorded()

        self._journal.call_settled(settled)

    async def settle(self) -> None:
        """Return when all that was taken so far is on disk. Raises Refused `disk_full`."""
        await self._journal.settle()


def _answer(question: Question, answer: dict[str, Any]) -> None:
    question.answer = answer
    question.answered.set()
