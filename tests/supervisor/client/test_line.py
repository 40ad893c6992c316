"""The line to a session's stream."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from supervisor.client.line import BEAT_SECONDS, cause, opened, run
from tests.supervisor.cli.stage import client_at, stage
from tests.supervisor.client.faraway import Far
from tests.waiting import until_async
from workers.errors import Broken, Refused


async def test_it_is_opened_with_what_was_asked(tmp_path: Path) -> None:
    async with stage(tmp_path) as box, opened(box.client, "/s", {"after": 3, "history": None}, ticket="secret"):
        played = await box.next()
        assert (played.path, played.query) == ("/s", "after=3")
        assert played.protocols == ("rc.v1", "ticket.secret")


async def test_messages_are_objects_and_octets(tmp_path: Path) -> None:
    async with stage(tmp_path) as box, opened(box.client, "/s") as line:
        played = await box.next()
        await played.tell("hello", a=1)
        await played.print(5, b"out")
        assert await line.receive() == {"type": "hello", "a": 1}
        assert await line.receive() == b"\x01\x00\x00\x00\x00\x00\x00\x00\x05out"
        await line.command("c1", "resize", rows=1, columns=2)
        assert await played.hear() == {
            "type": "command",
            "id": "c1",
            "command": {"kind": "resize", "rows": 1, "columns": 2},
        }


async def test_a_large_paste_goes_in_messages_that_the_box_takes(tmp_path: Path) -> None:
    async with stage(tmp_path) as box, opened(box.client, "/s") as line, trio.open_nursery() as nursery:
        played = await box.next()
        nursery.start_soon(line.send_keys, b"x" * 300_000)
        sizes = [len(await played.hear()) for _ in range(3)]
        assert sum(sizes) == 300_003
        assert max(sizes) <= 256 << 10


@pytest.mark.parametrize("message", ["nonsense", "[1]"])
async def test_what_is_no_message_is_broken(tmp_path: Path, message: str) -> None:
    async with stage(tmp_path) as box:
        with pytest.raises(Broken):
            async with opened(box.client, "/s") as line:
                await (await box.next()).raw(message)
                await line.receive()


async def test_a_line_that_is_cut_is_broken_on_both_ways(tmp_path: Path) -> None:
    async with stage(tmp_path) as box:
        with pytest.raises(Broken, match="closed the line"):
            async with opened(box.client, "/s") as line:
                await (await box.next()).cut()
                with pytest.raises(Broken):
                    await line.receive()
                await line.send_keys(b"x")


async def test_a_refusal_is_the_boxs_own(tmp_path: Path) -> None:
    async with stage(tmp_path) as box:
        box.refusals = [(404, {"code": "unknown_session", "detail": "no", "hint": "ls", "status": 404})]
        with pytest.raises(Refused) as refused:
            async with opened(box.client, "/s"):
                raise AssertionError("it was let in")
        assert (refused.value.code, refused.value.detail) == ("unknown_session", "no")


async def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        async with opened(client_at(str(tmp_path / "rc.sock")), "/s"):
            raise AssertionError("somebody was there")
    assert refused.value.code == "unreachable"


async def test_a_box_that_goes_away_before_it_answers_is_broken(tmp_path: Path) -> None:
    path = str(tmp_path / "rc.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        async def hang_up() -> None:
            accepted, _ = await trio.to_thread.run_sync(listener.accept)
            accepted.close()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hang_up)
            with pytest.raises(Broken):
                async with opened(client_at(path), "/s") as line:
                    await line.receive()


async def test_what_is_raised_inside_comes_out_as_itself(tmp_path: Path) -> None:
    async with stage(tmp_path) as box:
        with pytest.raises(FileNotFoundError):
            async with opened(box.client, "/s"):
                os.stat(tmp_path / "nothing")


async def test_being_cancelled_is_not_taken_for_a_failure(tmp_path: Path) -> None:
    async with stage(tmp_path) as box:
        with trio.move_on_after(0.05) as scope:
            async with opened(box.client, "/s") as line:
                await line.receive()
        assert scope.cancelled_caught


async def test_a_box_elsewhere_that_is_silent_is_asked_and_stays(tmp_path: Path, mock_clock: MockClock) -> None:
    async with stage(tmp_path) as box, opened(Far(box.path).client, "/s") as line, trio.open_nursery() as nursery:
        played = await box.next()
        heard: list[object] = []

        async def hear() -> None:
            heard.append(await line.receive())

        nursery.start_soon(hear)
        mock_clock.rate = 1000.0
        await trio.sleep(5 * BEAT_SECONDS)
        assert heard == []
        await played.tell("late")
        await until_async(lambda: _truly(heard), 1000 * BEAT_SECONDS)
    assert heard == [{"type": "late"}]


async def _truly(value: object) -> bool:
    await trio.lowlevel.checkpoint()
    return bool(value)


async def test_one_that_answers_nothing_any_more_is_given_up(tmp_path: Path, mock_clock: MockClock) -> None:
    async with stage(tmp_path) as box, trio.open_nursery() as nursery:
        between = trio.SocketListener(await _listening(str(tmp_path / "between")))
        swallowing = trio.Event()

        async def carry(stream: trio.SocketStream) -> None:
            there = await trio.open_unix_socket(box.path)

            async def back() -> None:
                async for data in there:
                    if not swallowing.is_set():
                        await stream.send_all(data)

            nursery.start_soon(back)
            async for data in stream:
                await there.send_all(data)

        nursery.start_soon(trio.serve_listeners, carry, [between])
        with pytest.raises(Broken, match="says nothing any more"):
            async with opened(Far(str(tmp_path / "between")).client, "/s") as line:
                await box.next()
                swallowing.set()
                mock_clock.rate = 1000.0
                await line.receive()
        mock_clock.rate = 0.0
        nursery.cancel_scope.cancel()


async def _listening(path: str) -> trio.socket.SocketType:
    listening = trio.socket.socket(trio.socket.AF_UNIX)
    await listening.bind(path)
    listening.listen()
    return listening


async def test_what_the_way_knows_of_an_end_before_the_answer_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "rc.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        async def hang_up() -> None:
            accepted, _ = await trio.to_thread.run_sync(listener.accept)
            accepted.close()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hang_up)
            with pytest.raises(Refused, match="the road is closed"):
                async with opened(Far(path, Refused("unreachable", "the road is closed")).client, "/s"):
                    raise AssertionError("it was let in")


async def test_a_line_that_was_closed_because_the_device_is_revoked_is_refused(tmp_path: Path) -> None:
    async with stage(tmp_path) as box:
        with pytest.raises(Refused) as refused:
            async with opened(box.client, "/s") as line:
                await (await box.next()).cut(4401)
                await line.receive()
        assert refused.value.code == "unauthenticated"


def test_groups_are_about_one_failure() -> None:
    refused, broken = Refused("invalid", "x"), Broken("y")
    assert cause(ExceptionGroup("", [ExceptionGroup("", [broken]), refused])) is refused
    odd = ExceptionGroup("", [ZeroDivisionError()])
    assert cause(odd) is odd


def test_run_raises_what_its_nurseries_raise() -> None:
    async def main(code: str) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail, code)

    async def fail(code: str) -> None:
        raise Refused(code, "x")

    with pytest.raises(Refused, match="x"):
        run(main, "invalid")
    with contextlib.suppress(Refused):
        run(fail, "invalid")
