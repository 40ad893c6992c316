"""The supervisor's end of the line to a worker."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from supervisor.sessions.line import Line
from supervisor.sessions.link import JOINED, SHAKE_SECONDS, Link, Supervisor, join_output, open_link
from workers.bundle import Bundle
from workers.core.wire import MAX_PAYLOAD, Frame, Kind, Reader, json_frame
from workers.errors import Broken, Refused


def output(offset: int, data: bytes) -> Frame:
    return Frame(Kind.OUTPUT, offset, data)


@asynccontextmanager
async def linked() -> AsyncIterator[tuple[Link, socket.socket]]:
    """A link that carries, and the worker's end of it."""
    ours, theirs = socket.socketpair()
    link = Link(Line(ours), {})

    async def carry() -> None:
        while await link.receive():
            pass

    with theirs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(carry)
            yield link, theirs
            nursery.cancel_scope.cancel()
        link.close()


async def test_a_question_is_on_the_line_before_anybody_waits_for_its_answer() -> None:
    async with linked() as (link, worker):
        question = link.ask(Kind.COMMAND, {"command": {}})
        link.send(Kind.KEYS, b"x")
        frames = Reader().feed(worker.recv(65536))
        assert [frame.kind for frame in frames if frame.payload] == [Kind.COMMAND, Kind.KEYS]
        worker.send(json_frame(Kind.ANSWER, {"seq": 7}, frames[0].number).encode())
        assert await link.answer(question) == {"seq": 7}


async def test_a_question_that_is_larger_than_a_frame_is_refused_and_the_link_stays() -> None:
    async with linked() as (link, worker):
        with pytest.raises(Refused) as caught:
            link.ask(Kind.COMMAND, {"command": "\x01" * (MAX_PAYLOAD // 6)})
        assert caught.value.code == "too_large"
        link.ask(Kind.COMMAND, {})
        assert [frame.json() for frame in frames_at(worker) if frame.kind is Kind.COMMAND] == [{}]


async def test_a_refusal_comes_back_as_one() -> None:
    async with linked() as (link, worker):
        question = link.ask(Kind.COMMAND, {})
        error = {"code": "not_running", "detail": "it has ended", "hint": "resume it"}
        worker.send(json_frame(Kind.ANSWER, {"error": error}, question.number).encode())
        with pytest.raises(Refused) as caught:
            await link.answer(question)
        assert (caught.value.code, caught.value.detail) == ("not_running", "it has ended")


async def test_a_worker_that_goes_away_answers_nobody() -> None:
    async with linked() as (link, _):
        question = link.ask(Kind.COMMAND, {})
        link.close()
        with pytest.raises(Broken, match="went away"):
            await link.answer(question)


def frames_at(worker: socket.socket) -> list[Frame]:
    return Reader().feed(worker.recv(1 << 20, socket.MSG_DONTWAIT))


@contextmanager
def listening(folder: Path) -> Iterator[tuple[Bundle, socket.socket]]:
    """The bundle of a worker that was stopped: the kernel takes connections for it, and nobody answers."""
    bundle = Bundle(str(folder))
    bundle.write("key", "00" * 32)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(bundle.path("link"))
        listener.listen(0)
        yield bundle, listener


async def test_a_worker_that_does_not_shake_hands_holds_nobody(tmp_path: Path, mock_clock: MockClock) -> None:
    mock_clock.autojump_threshold = 0
    with listening(tmp_path) as (bundle, _):
        with pytest.raises(Broken, match="shake hands"):
            await open_link(bundle, "session", Supervisor(1, "us"))
        assert trio.current_time() >= SHAKE_SECONDS


async def test_a_worker_that_accepts_nobody_holds_nobody(tmp_path: Path) -> None:
    with listening(tmp_path) as (bundle, _), bundle.connect(), pytest.raises(Broken, match="nobody listens"):
        await open_link(bundle, "session", Supervisor(1, "us"))


def test_output_that_came_in_pieces_is_one_piece() -> None:
    event = Frame(Kind.EVENT, 1, b"e")
    told = join_output([output(0, b"a"), output(1, b"bc"), event, output(3, b"d"), output(4, b"e")])
    assert told == [output(0, b"abc"), event, output(3, b"de")]


@given(st.lists(st.integers(0, JOINED) | st.just(None), max_size=12))
def test_however_it_came_nothing_is_lost_moved_or_too_large(sizes: list[int | None]) -> None:
    frames: list[Frame] = []
    at = 0
    for size in sizes:
        frames.append(Frame(Kind.EVENT, len(frames), b"e") if size is None else output(at, bytes(size)))
        at += size or 0
    told = join_output(frames)
    assert [frame for frame in told if frame.kind is Kind.EVENT] == [
        frame for frame in frames if frame.kind is Kind.EVENT
    ]
    end = 0
    for frame in told:
        if frame.kind is Kind.OUTPUT:
            assert frame.number == end
            assert len(frame.payload) <= JOINED
            end += len(frame.payload)
    assert end == at
