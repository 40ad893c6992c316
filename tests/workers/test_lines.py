from __future__ import annotations

import json
import os
import selectors
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.parts import Workers
from workers.core.wire import Frame, Kind, Reader
from workers.errors import Broken
from workers.lines import Line


class Pair:
    """A line, and the other end of it as a plain socket."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        ours, self.other = socket.socketpair()
        self.other.setblocking(False)
        self.masks: list[int] = []
        self.line = Line(self.selector, ours, self.masks.append)

    def wanted(self) -> int:
        (key,) = self.selector.get_map().values()
        return key.events

    def drain(self) -> bytes:
        data = b""
        while True:
            try:
                data += self.other.recv(1 << 20)
            except BlockingIOError:
                return data

    def close(self) -> None:
        self.line.close()
        self.other.close()
        self.selector.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


def test_what_goes_at_once_leaves_nothing_behind(pair: Pair) -> None:
    frame = Frame(Kind.OUTPUT, 7, b"hello")
    pair.line.send(frame)
    pair.line.send(Frame(Kind.PONG, 1))
    assert pair.drain() == frame.encode() + Frame(Kind.PONG, 1).encode()
    assert (pair.line.unsent, pair.wanted()) == (0, selectors.EVENT_READ)


def test_what_does_not_go_waits_in_its_order(pair: Pair) -> None:
    frames = [Frame(Kind.OUTPUT, number, bytes([number]) * 60_000) for number in range(30)]
    for frame in frames:
        pair.line.send(frame)
    assert pair.line.unsent > 1_000_000
    assert pair.wanted() == selectors.EVENT_READ | selectors.EVENT_WRITE
    seen = b""
    while pair.line.unsent:
        seen += pair.drain()
        pair.line.flush()
    seen += pair.drain()
    assert Reader().feed(seen) == frames
    assert pair.wanted() == selectors.EVENT_READ


def test_frames_are_read_as_they_come(pair: Pair) -> None:
    assert pair.line.receive() == []
    data = Frame(Kind.KEYS, 0, b"ab").encode() * 2
    pair.other.send(data[:20])
    assert pair.line.receive() == [Frame(Kind.KEYS, 0, b"ab")]
    pair.other.send(data[20:])
    assert pair.line.receive() == [Frame(Kind.KEYS, 0, b"ab")]


def test_the_end_of_the_line_is_broken(pair: Pair) -> None:
    pair.other.close()
    with pytest.raises(Broken, match="the line ended"):
        pair.line.receive()
    with pytest.raises(Broken, match="the line is cut"):
        pair.line.send(Frame(Kind.PONG))


def test_a_peer_that_vanishes_with_words_unread_is_broken(pair: Pair) -> None:
    pair.line.send(Frame(Kind.PONG))
    pair.other.close()
    with pytest.raises(Broken):
        pair.line.receive()


def test_what_is_none_of_our_frames_is_broken(pair: Pair) -> None:
    pair.other.send(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(Broken):
        pair.line.receive()


def test_a_line_is_closed_once(pair: Pair) -> None:
    assert pair.line.is_open
    pair.line.close()
    pair.line.close()
    assert not pair.line.is_open
    assert not pair.selector.get_map()


def test_a_descriptor_goes_with_the_frame_it_is_lent_with(pair: Pair) -> None:
    pair.line.send_with(Frame(Kind.LIVE, 3), pair.other.fileno())
    data, (lent,), _, _ = socket.recv_fds(pair.other, 100, 1)
    assert data == Frame(Kind.LIVE, 3).encode()
    assert os.fstat(lent).st_ino == os.fstat(pair.other.fileno()).st_ino
    os.close(lent)


def test_a_descriptor_that_would_have_to_wait_stays(pair: Pair) -> None:
    while not pair.line.unsent:
        pair.line.send(Frame(Kind.OUTPUT, 0, b"x" * 50_000))
    pair.line.send_with(Frame(Kind.LIVE, 3), pair.other.fileno())
    sent = b""
    descriptors: list[int] = []
    while pair.line.unsent:
        data, lent, _, _ = socket.recv_fds(pair.other, 1 << 20, 1)
        sent, descriptors = sent + data, descriptors + lent
        pair.line.flush()
    assert Reader().feed(sent + pair.drain())[-1] == Frame(Kind.LIVE, 3)
    assert descriptors == []


def test_a_prompt_of_control_characters_fills_a_frame_and_is_kept_whole(workers: Workers) -> None:
    bundle, us = workers.run()
    text = "\x01" * 174_000  # six octets each on the link and in an event
    assert us.command("prompt", text=text)["seq"]
    us.hear_until(lambda: us.updates("agent_message_chunk"))
    cut = us.updates("agent_message_chunk")[0]
    assert json.loads(Path(bundle.path(f"blobs/{cut['truncated']['sha256']}")).read_bytes())["content"]["text"] == text
    assert us.command("rename", name="the line stays")["seq"]
