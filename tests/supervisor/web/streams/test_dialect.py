"""The same pieces as WebSocket frames and as server-sent events."""

from __future__ import annotations

import base64
import json

from supervisor.core import frames
from supervisor.sessions.hub import Chunk
from supervisor.web.streams.dialect import SseDialect, WebSocketDialect

CHUNK = Chunk(5, 9, frames.octets(frames.OUTPUT, 5, b"\x1b[H\n"))


def test_output_for_many_is_one_object() -> None:
    assert WebSocketDialect().output(CHUNK, (1, 9)) is CHUNK.frame


def test_texts_and_states_are_frames() -> None:
    dialect = WebSocketDialect()
    assert dialect.text(b"{}", None) == frames.text(b"{}")
    assert dialect.octets(frames.STATE, 7, b"x", None) == frames.octets(frames.STATE, 7, b"x")


def test_an_event_carries_where_its_reader_stands() -> None:
    assert SseDialect().text(b'{"a":1}', (42, 5120)) == b'id: 42:5120\ndata: {"a":1}\n\n'
    assert SseDialect().text(b"{}", None) == b"data: {}\n\n"


def test_output_is_base64_in_an_event() -> None:
    event = SseDialect().output(CHUNK, (42, 9))
    told = json.loads(event.removeprefix(b"id: 42:9\ndata: "))
    assert told == {"type": "terminal", "offset": 5, "data": base64.b64encode(CHUNK.octets(5, 9)).decode()}


def test_the_state_in_a_snapshot_is_no_output() -> None:
    event = SseDialect().octets(frames.STATE, 7, b"x", None)
    assert json.loads(event.removeprefix(b"data: "))["type"] == "terminal_state"
