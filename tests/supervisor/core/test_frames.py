"""Server frames: read back by the library that clients use."""

from __future__ import annotations

import pytest
from wsproto.connection import CLIENT, Connection
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage

from supervisor.core import frames


def read(*sent: bytes) -> list[Event]:
    client = Connection(CLIENT)
    client.receive_data(b"".join(sent))
    return list(client.events())


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 200_000])
def test_a_text_of_any_size_is_one_frame(size: int) -> None:
    assert read(frames.text(b"x" * size)) == [TextMessage("x" * size, frame_finished=True, message_finished=True)]


def test_terminal_octets_carry_kind_and_offset() -> None:
    (message,) = read(frames.octets(frames.OUTPUT, 5120, b"\x1b[H"))
    assert isinstance(message, BytesMessage)
    assert bytes(message.data) == b"\x01" + (5120).to_bytes(8, "big") + b"\x1b[H"


def test_keys_for_a_worker_are_what_people_send() -> None:
    (message,) = read(frames.keys(b"ls\r"))
    assert isinstance(message, BytesMessage)
    assert bytes(message.data) == b"\x01ls\r"


def test_the_largest_piece_fills_a_frame_of_256_kib() -> None:
    whole = frames.octets(frames.OUTPUT, 0, bytes(frames.MAX_PIECE))
    assert len(whole) - len(frames.head(frames.BINARY, 256 << 10)) == 256 << 10


def test_close_and_ping_are_control_frames() -> None:
    assert read(frames.ping(), frames.close(1012, "stopping")) == [Ping(b""), CloseConnection(1012, "stopping")]


def test_json_survives_half_of_a_surrogate_pair() -> None:
    assert frames.to_json({"id": "\ud800ü"}) == b'{"id":"\\ud800\\u00fc"}'
