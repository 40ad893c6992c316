"""One WebSocket from the handshake to the close."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from supervisor.core.access import Principal
from supervisor.core.clientframes import MAX_MESSAGE
from supervisor.core.hold import Turn
from supervisor.web.streams.connection import BEAT_SECONDS, DEAD_SECONDS, GOODBYE_SECONDS
from supervisor.web.streams.outlet import WRITE_SECONDS
from tests.supervisor.core.test_clientframes import frame, keys
from tests.supervisor.web.streams.stage import SESSION, Stage, open_stage, until

PATH = f"/v1/code/sessions/{SESSION}/stream"
REQUEST = (
    "GET {} HTTP/1.1\r\nHost: box\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def shake_hands(stream: trio.SocketStream, path: str = PATH) -> bytes:
    """A handshake by hand: what came behind the box's answer."""
    await stream.send_all(REQUEST.format(path).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += await stream.receive_some()
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    return rest


async def read_to_the_end(stream: trio.SocketStream) -> bytes:
    got = b""
    with contextlib.suppress(trio.BrokenResourceError):
        while data := await stream.receive_some():
            got += data
    return got


def looks_at(stage: Stage) -> int:
    return stage.session.hub.lookers


async def test_a_client_that_leaves_politely_is_answered_and_forgotten(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        await client.until("lease")
        assert looks_at(stage) == 1
        await client.websocket.aclose()
        await until(lambda: looks_at(stage) == 0)


async def test_a_client_that_vanishes_is_forgotten(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        async with stage.client() as client:
            await client.until("lease")
        await until(lambda: looks_at(stage) == 0)


async def test_a_client_that_vanishes_in_the_handshake_is_no_fault(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.stream() as stream:
        await stream.send_all(REQUEST.format(PATH).encode())
        await stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert looks_at(stage) == 0


async def test_a_box_that_stops_says_goodbye(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        await client.until("lease")
        stage.box.stopping.set()
        assert await client.until("bye") == {"type": "bye", "reason": "supervisor_stopping", "retry": True}
        assert await client.close_code() == 1012


async def test_a_device_that_is_revoked_is_told_and_nobody_else(tmp_path: Path) -> None:
    device = Principal("owner", device="device_a")
    async with open_stage(tmp_path) as stage, stage.client(principal=device) as one, stage.client() as other:
        await one.until("lease")
        async with stage.client(principal=device, path="/v1/stream") as box:
            await box.until("hello")
            stage.revoked.set()
            for client in (one, box):
                assert await client.until("bye") == {"type": "bye", "reason": "revoked", "retry": False}
                assert await client.close_code() == 4401
        await other.until("lease")
        await other.tell(type="ping", id="p")
        await other.until("pong")


async def test_a_device_that_was_revoked_a_moment_before_gets_no_further_than_hello(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.revoked.set()
        async with stage.client(principal=Principal("owner", device="device_a")) as client:
            assert await client.close_code() == 4401


async def test_a_revoked_device_that_does_not_read_is_let_go(tmp_path: Path, mock_clock: MockClock) -> None:
    device = Principal("owner", device="device_a")
    async with open_stage(tmp_path) as stage, stage.stream(principal=device) as stream:
        await shake_hands(stream, PATH + "?catch_up=all")
        for _ in range(30):
            stage.worker.print(b"x" * 60_000)
        await trio.testing.wait_all_tasks_blocked(0.01)
        stage.revoked.set()
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert looks_at(stage) == 0, "its tasks have ended"
        mock_clock.jump(GOODBYE_SECONDS)
        await read_to_the_end(stream)


async def test_a_client_that_does_not_read_delays_no_stop(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage, stage.stream() as stream:
        await shake_hands(stream, PATH + "?catch_up=all")
        for _ in range(30):
            stage.worker.print(b"x" * 60_000)
        await trio.testing.wait_all_tasks_blocked(0.01)
        stage.box.stopping.set()
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert looks_at(stage) == 0, "its tasks have ended"
        mock_clock.jump(GOODBYE_SECONDS)
        await read_to_the_end(stream)


async def test_a_deleted_session_says_goodbye_for_good(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        await client.until("lease")
        stage.session.turn(Turn.REMOVED)
        stage.session.changed()
        assert await client.until("bye") == {"type": "bye", "reason": "session_deleted", "retry": False}
        assert await client.close_code() == 1000


@pytest.mark.parametrize("message", [b"\x01" + b"x" * MAX_MESSAGE, "x" * (MAX_MESSAGE + 1), "é" * (MAX_MESSAGE - 9)])
async def test_a_message_over_256_kib_closes_with_1009(tmp_path: Path, message: bytes | str) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        await client.until("lease")
        with contextlib.suppress(Exception):  # the box may close before it has read all of it
            await client.websocket.send_message(message)
        assert await client.close_code() == 1009


async def test_a_message_that_is_too_long_by_its_head_alone_closes_at_once(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        await client.until("lease")
        await client.stream.send_all(b"\x82\xff" + (1 << 62).to_bytes(8, "big") + b"mask" + b"\x01")
        assert await client.close_code() == 1009


async def test_a_message_of_256_kib_is_read(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as client:
        await client.type(b"x" * (MAX_MESSAGE - 1))
        await until(lambda: stage.worker.keys == b"x" * (MAX_MESSAGE - 1))


async def test_a_silent_client_is_asked_and_then_given_up(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage, stage.stream(family=trio.socket.AF_INET) as stream:
        await shake_hands(stream)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(BEAT_SECONDS)
        await trio.testing.wait_all_tasks_blocked()
        assert (await stream.receive_some()).endswith(b"\x89\x00")
        for _ in range(3):
            mock_clock.jump(BEAT_SECONDS)
            await trio.testing.wait_all_tasks_blocked()
        assert looks_at(stage) == 0


async def test_a_client_that_answers_pings_stays(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage, stage.client(family=trio.socket.AF_INET) as client:
        await client.until("screen")
        for _ in range(2 * int(DEAD_SECONDS / BEAT_SECONDS)):
            mock_clock.jump(BEAT_SECONDS)
            await trio.testing.wait_all_tasks_blocked(0.001)
        assert looks_at(stage) == 1


async def test_a_silent_client_on_this_machine_is_left_in_peace(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage, stage.stream() as stream:
        await shake_hands(stream)
        for _ in range(10):
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(BEAT_SECONDS)
        assert looks_at(stage) == 1


async def test_a_client_that_never_reads_is_given_up_after_a_minute(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_stage(tmp_path) as stage, stage.stream() as stream:
        await shake_hands(stream, PATH + "?catch_up=all")
        for _ in range(30):
            stage.worker.print(b"x" * 60_000)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert looks_at(stage) == 1
        for _ in range(4):  # a thread that reads the disk may take its real time in between
            mock_clock.jump(WRITE_SECONDS)
            await trio.testing.wait_all_tasks_blocked(0.01)
        assert looks_at(stage) == 0


@pytest.mark.parametrize(
    ("nonsense", "code"),
    [
        (b"\xff" * 100, 1002),
        (frame(0x81, b"\xff\xfe"), 1007),
        (frame(0x01, b"\xe2\x82") + frame(0x80, b"("), 1007),
        (b"\x81\x02hi", 1002),  # without a mask
        (frame(0xC1, b"hi"), 1002),  # with a bit that nobody asked for
        (frame(0x83, b"hi"), 1002),  # with an opcode that there is none of
        (frame(0x09, b""), 1002),  # a ping in pieces
        (frame(0x89, b"x" * 126), 1002),  # a ping that is too long
        (frame(0x80, b"hi"), 1002),  # the end of a message without a beginning
    ],
)
@pytest.mark.parametrize("family", [trio.socket.AF_UNIX, trio.socket.AF_INET])
async def test_nonsense_in_place_of_a_frame_is_told_and_ends_the_connection_and_nothing_else(
    tmp_path: Path, nonsense: bytes, code: int, family: int
) -> None:
    async with open_stage(tmp_path) as stage, stage.client() as other, stage.stream(family=family) as stream:
        await shake_hands(stream)
        await stream.send_all(nonsense + keys(b"behind it"))
        assert (await read_to_the_end(stream)).endswith(b"\x88\x02" + code.to_bytes(2, "big"))
        assert stage.worker.keys == b""
        await until(lambda: looks_at(stage) == 1)
        await other.tell(type="ping", id="p")
        await other.until("pong")


async def test_a_fragmented_message_is_one_message(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage, stage.stream() as stream:
        await shake_hands(stream)
        await stream.send_all(frame(0x02, b"\x01ab") + frame(0x89, b"") + frame(0x00, b"cd") + frame(0x80, b"ef"))
        await until(lambda: stage.worker.keys == b"abcdef")


words = st.sampled_from(
    [
        '{"type":"command","id":"c","command":{"kind":"interrupt"}}',
        '{"type":"command","id":"c","command":{"kind":"prompt","text":"x"}}',
        '{"type":"command","id":"c","command":{"kind":"resize","rows":0,"columns":1}}',
        '{"type":"command","id":"\\ud800","command":{"kind":"take_lease"}}',
        '{"type":"credit","terminal_offset":7}',
        b"\x01\x1b]52;c;",
        b"\x01\x1b[?1;2c",
        b"\x01" + b"x" * 70_000,
    ]
)
# hypothesis calls the test many times, the fixture makes one directory
fuzzing = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10, deadline=None)


@fuzzing
@given(said=st.lists(words | st.text() | st.binary(), max_size=20))
async def test_whatever_a_client_says_it_is_answered_and_stays(
    tmp_path_factory: pytest.TempPathFactory, said: list[str | bytes]
) -> None:
    async with open_stage(tmp_path_factory.mktemp("stage")) as stage, stage.client() as client:
        for message in said:
            await client.websocket.send_message(message)
        await client.tell(type="ping", id="still there")
        assert (await client.until("pong"))["id"] == "still there"


@fuzzing
@given(said=st.lists(st.binary(max_size=200) | st.binary(max_size=20).map(keys), max_size=10))
async def test_whatever_octets_a_client_sends_nobody_else_is_touched(
    tmp_path_factory: pytest.TempPathFactory, said: list[bytes]
) -> None:
    async with open_stage(tmp_path_factory.mktemp("stage")) as stage, stage.client() as other, stage.stream() as odd:
        await shake_hands(odd)
        with contextlib.suppress(trio.BrokenResourceError):
            for octets in said:
                await odd.send_all(octets)
        await other.tell(type="ping", id="p")
        await other.until("pong")
        await odd.aclose()
        await until(lambda: looks_at(stage) == 1)
