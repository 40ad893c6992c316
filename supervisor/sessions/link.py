"""The supervisor's end of the line to one worker."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from typing import Any

import trio

from supervisor.sessions.line import Clogged, Line
from supervisor.sessions.typist import Typist
from workers.bundle import Bundle
from workers.core.wire import MAX_PAYLOAD, WIRE_VERSION, Frame, Kind, json_frame, proof, proven
from workers.errors import Broken, Refused

JOINED = 128 << 10  # two of a worker's largest sends; a WebSocket message holds 256 KiB
SHAKE_SECONDS = 5.0  # a worker that runs shakes hands within a millisecond; one that was stopped is tried again
# A worker takes a command within a millisecond, one whose machine swaps gets seconds; who waits is a person.
TAKE_SECONDS = 3.0
ANSWER_SECONDS = 30.0  # for a worker that speaks: what it took is on disk long before, unless the disk hangs


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Who speaks for the box: the number of its start, and the random name of this process."""

    epoch: int
    name: str


class Stale(Broken):
    """A supervisor of a later epoch has this worker; we must leave it alone."""


class Silent(Broken):
    """The worker has said nothing at all for `TAKE_SECONDS`, although it was asked something."""


class Link:
    """Authenticated both ways. One task calls `receive`, one `flush_forever`; requests may come from any task."""

    keeps = False

    def __init__(self, line: Line, welcome: dict[str, Any]) -> None:
        self.welcome = welcome
        self._line = line
        self._asked: dict[int, Question] = {}
        self._number = 0
        self._heard_at = trio.current_time()
        self.typist = Typist(line)

    @property
    def is_clogged(self) -> bool:
        return self._line.is_clogged

    async def wait_clear(self) -> None:
        """See `Line.wait_clear`."""
        await self._line.wait_clear()

    def send(self, kind: Kind, payload: bytes = b"", number: int = 0) -> None:
        """Send without waiting and without an answer. Raises Broken."""
        self._line.send(Frame(kind, number, payload))

    def give_back(self) -> None:
        """The terminal that was lent is not needed for now."""
        self._line.give_back()

    def ask(self, kind: Kind, value: object) -> Question:
        """Ask at once, without waiting: what is sent after this arrives after it. Raises Broken, or Refused for a
        question that is larger than a frame: escapes can make a text six times as long as it is."""
        self._number += 1
        frame = json_frame(kind, value, self._number)
        if len(frame.payload) > MAX_PAYLOAD:
            detail = (
                f"this takes {len(frame.payload)} octets on the way to the session; at most {MAX_PAYLOAD} go at once"
            )
            raise Refused("too_large", detail, "put it into a file and name that")
        if kind is Kind.COMMAND:
            self.typist.stand_back(frame)  # it may type something, or change the size
        else:
            self._line.send(frame)
        question = self._asked[self._number] = Question(self._number)
        return question

    async def answer(self, question: Question) -> dict[str, Any]:
        """Wait for the ANSWER. Raises Refused with what the worker refused, Broken when it went away, Silent when it
        says nothing at all."""
        try:
            await self._wait_answered(question)
        finally:
            self._asked.pop(question.number, None)
        return unwrap(question)

    async def _wait_answered(self, question: Question) -> None:
        with trio.move_on_after(ANSWER_SECONDS):
            while True:
                with trio.move_on_after(TAKE_SECONDS / 2):
                    await question.answered.wait()
                    return
                since = trio.current_time()
                with contextlib.suppress(Clogged):
                    self._line.send(Frame(Kind.PING))  # one that only waits for its disk says so
                with trio.move_on_after(TAKE_SECONDS / 2):
                    await question.answered.wait()
                    return
                if self._heard_at < since:
                    raise Silent("its worker does not answer")
        raise Broken(f"its worker has not answered for {ANSWER_SECONDS:g} s; it was sent and may still happen")

    async def request(self, kind: Kind, value: object) -> dict[str, Any]:
        """`ask` and `answer`."""
        return await self.answer(self.ask(kind, value))

    async def receive(self) -> list[Frame]:
        """What the worker tells, without the answers: those go to who asked. Nothing when the worker is gone."""
        while frames := await self._line.receive():
            self._heard_at = trio.current_time()
            if len(frames) == 1 and frames[0].kind is Kind.OUTPUT:
                return frames  # the shortest way of an echo
            if told := join_output([frame for frame in frames if not self._is_answer(frame)]):
                return told
        return []

    def _is_answer(self, frame: Frame) -> bool:
        if frame.kind is Kind.TYPED:
            self.typist.typed(frame.number)
            return True
        if frame.kind is not Kind.ANSWER:
            return False
        question = self._asked.pop(frame.number, None)  # who asked may have gone without waiting
        if question is not None:
            question.answer = frame.json()
            question.answered.set()
        return True

    async def flush_forever(self) -> None:
        await self._line.flush_forever()

    def close(self) -> None:
        """Close the line; who waits for an answer gets Broken."""
        self._line.close()
        self.typist.close()
        for question in self._asked.values():
            question.answered.set()


def join_output(frames: list[Frame]) -> list[Frame]:
    """Output that came in pieces as one piece, up to `JOINED` octets: each costs every connection a system call."""
    if len(frames) < 2:
        return frames
    joined: list[Frame] = []
    pieces: list[bytes] = []
    size = 0
    for frame in frames:
        if frame.kind is not Kind.OUTPUT or size + len(frame.payload) > JOINED:
            _flush_output(joined, pieces)
            size = 0
        if frame.kind is not Kind.OUTPUT:
            joined.append(frame)
            continue
        if not pieces:
            joined.append(frame)
        pieces.append(frame.payload)
        size += len(frame.payload)
    _flush_output(joined, pieces)
    return joined


def _flush_output(joined: list[Frame], pieces: list[bytes]) -> None:
    if len(pieces) > 1:
        joined[-1] = Frame(Kind.OUTPUT, joined[-1].number, b"".join(pieces))
    pieces.clear()


class Question:
    """Something a worker was asked."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.answered = trio.Event()
        self.answer: dict[str, Any] | None = None


def unwrap(question: Question) -> dict[str, Any]:
    """The answer. Raises Refused with what was refused, Broken when who was asked went away."""
    if question.answer is None:
        raise Broken("the worker went away")
    error = question.answer.get("error")
    if error is not None:
        raise Refused(str(error["code"]), str(error["detail"]), str(error.get("hint", "")))
    return question.answer


async def open_link(bundle: Bundle, session: str, us: Supervisor) -> Link:
    """Connect and prove ourselves, once. Raises Broken when nobody listens or the other side is not our worker,
    Stale when a later supervisor has it, ValueError when the bundle's key cannot be read."""
    key = bundle.key()
    try:
        connection = bundle.connect()
    except OSError as error:
        raise Broken(f"nobody listens: {error}") from error
    line = Line(connection)
    try:
        with trio.fail_after(SHAKE_SECONDS):
            return Link(line, await _shake_hands(line, key, session, us))
    except trio.TooSlowError:
        line.close()
        raise Broken("the worker does not shake hands") from None
    except BaseException:
        line.close()
        raise


async def _shake_hands(line: Line, key: bytes, session: str, us: Supervisor) -> dict[str, Any]:
    challenge = _expect(await line.next_frame(), Kind.CHALLENGE)
    if challenge.get("version") != WIRE_VERSION:
        raise Broken(f"a worker that speaks version {challenge.get('version')} of the link")
    nonces = (str(challenge.get("nonce")), secrets.token_hex(16))
    told = {
        "version": WIRE_VERSION,
        "epoch": us.epoch,
        "supervisor": us.name,
        "nonce": nonces[1],
        "mac": proof(key, "supervisor", nonces, us.epoch, us.name, session),
    }
    line.send(json_frame(Kind.HELLO, told))
    answer = await line.next_frame()
    if answer.kind is Kind.STALE:
        raise Stale(f"a supervisor of epoch {answer.json().get('epoch')} has it")
    welcome = _expect(answer, Kind.WELCOME)
    if not proven(welcome.get("mac"), key, "worker", nonces, us.epoch, us.name, session):
        raise Broken("it does not know the bundle's key")
    return welcome


def _expect(frame: Frame, kind: Kind) -> dict[str, Any]:
    value = frame.json() if frame.kind is kind else None
    if not isinstance(value, dict):
        raise Broken(f"{frame.kind.name} instead of {kind.name}")
    return value
