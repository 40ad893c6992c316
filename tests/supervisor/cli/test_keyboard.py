"""The asker's keyboard at a session."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest
import trio
import trio.lowlevel

from supervisor.cli.following import DETACHED, SIGNALLED, Outcome
from supervisor.cli.keyboard import ANSWER_SECONDS, LEAVING, WAITING, Keyboard
from supervisor.cli.ownterminal import raw
from supervisor.client.line import Line, opened
from tests.supervisor.cli.stage import pipes, stage, terminal

ANSWER = b"\x1b[?62;1c"


async def test_what_is_typed_goes_to_the_session(tmp_path: Path) -> None:
    with terminal() as screen, raw():
        async with stage(tmp_path) as box, opened(box.client, "/s") as line, trio.open_nursery() as nursery:
            keyboard, played = Keyboard(view=False), await box.next()
            nursery.start_soon(keyboard.send, line)
            nursery.start_soon(keyboard.read)
            await trio.testing.wait_all_tasks_blocked()
            screen.type(b"ls\r")
            assert await played.hear_keys() == b"ls\r"
            screen.type(b"\x1dt")
            assert (await played.hear())["command"] == {"kind": "take_lease"}
            nursery.cancel_scope.cancel()


async def test_whoever_only_looks_sends_nothing(tmp_path: Path) -> None:
    with terminal(30, 90) as screen, raw():
        async with stage(tmp_path) as box, opened(box.client, "/s") as line, trio.open_nursery() as nursery:
            keyboard, played = Keyboard(view=True), await box.next()
            nursery.start_soon(keyboard.send, line)
            await trio.testing.wait_all_tasks_blocked()
            keyboard.tell_size()
            screen.type(b"rm\r\x1dd")
            assert await keyboard.read() == Outcome(DETACHED)
            with trio.move_on_after(0.05) as silence:
                await played.hear()
            assert silence.cancelled_caught
            nursery.cancel_scope.cancel()


async def test_the_size_is_told_where_there_is_a_terminal(tmp_path: Path) -> None:
    async with stage(tmp_path) as box, opened(box.client, "/s") as line, trio.open_nursery() as nursery:
        played = await box.next()
        with terminal(30, 90):
            keyboard = Keyboard(view=False)
            nursery.start_soon(keyboard.send, line)
            await trio.testing.wait_all_tasks_blocked()
            keyboard.tell_size()
            told = await played.hear()
        assert told == {"type": "command", "id": "size", "command": {"kind": "resize", "rows": 30, "columns": 90}}
        with pipes():
            keyboard.tell_size()
            keyboard.command("c", "interrupt")
            assert (await played.hear())["id"] == "c"
        nursery.cancel_scope.cancel()


async def test_what_the_terminal_answers_to_a_replay_is_dropped(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    with pipes() as (to_stdin, _):
        keyboard = Keyboard(view=False)
        heard: list[bytes] = []

        class Deaf:
            async def send_keys(self, keys: bytes) -> None:
                heard.append(keys)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(keyboard.send, cast("Line", Deaf()))
            nursery.start_soon(keyboard.read)
            await trio.testing.wait_all_tasks_blocked()

            async def type(keys: bytes) -> list[bytes]:
                heard.clear()
                os.write(to_stdin, keys)
                await trio.lowlevel.checkpoint()
                with trio.move_on_after(ANSWER_SECONDS / 10):
                    await trio.sleep_forever()
                return list(heard)

            keyboard.mute()
            assert await type(b"a" + ANSWER + b"b") == [b"ab"]
            keyboard.unmute()
            assert await type(ANSWER + b"c") == [b"c"]
            await trio.sleep(ANSWER_SECONDS)
            assert await type(ANSWER) == [ANSWER]
            keyboard.unmute()
            assert await type(ANSWER) == [ANSWER]
            nursery.cancel_scope.cancel()


async def test_what_is_typed_ahead_counts_and_what_is_typed_after_a_cut_is_forgotten(tmp_path: Path) -> None:
    with terminal() as screen, raw():
        keyboard = Keyboard(view=False)
        async with stage(tmp_path) as box, trio.open_nursery() as nursery:
            nursery.start_soon(keyboard.read)
            for blindly, seen in ((b"ahead", b"ahead"), (b"lost", b"kept")):
                screen.type(blindly)
                await trio.testing.wait_all_tasks_blocked(0.02)
                async with opened(box.client, "/s") as line, trio.open_nursery() as typing:
                    played = await box.next()
                    typing.start_soon(keyboard.send, line)
                    await trio.testing.wait_all_tasks_blocked(0.02)
                    if seen != blindly:
                        screen.type(seen)
                    assert await played.hear_keys() == seen
                    typing.cancel_scope.cancel()
            nursery.cancel_scope.cancel()


async def test_what_comes_from_a_pipe_waits_for_the_line(tmp_path: Path) -> None:
    with pipes() as (to_stdin, _):
        keyboard = Keyboard(view=False)
        async with stage(tmp_path) as box, trio.open_nursery() as nursery:
            nursery.start_soon(keyboard.read)
            os.write(to_stdin, b"kept")
            await trio.testing.wait_all_tasks_blocked(0.02)
            async with opened(box.client, "/s") as line, trio.open_nursery() as typing:
                played = await box.next()
                typing.start_soon(keyboard.send, line)
                assert await played.hear_keys() == b"kept"
                typing.cancel_scope.cancel()
            nursery.cancel_scope.cancel()


async def test_a_box_that_takes_nothing_keeps_nobody_from_leaving() -> None:
    class Stuck:
        async def send(self, value: object) -> None:
            await trio.sleep_forever()

    with terminal() as screen, raw():
        keyboard = Keyboard(view=False)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keyboard.send, cast("Line", Stuck()))
            await trio.testing.wait_all_tasks_blocked()
            screen.type(b"x" * 1000)
            for _ in range(100):
                keyboard.command("c", "interrupt")
            screen.type(b"\x1dd")
            assert await keyboard.read() == Outcome(DETACHED)
            nursery.cancel_scope.cancel()


async def test_a_paste_waits_in_the_terminal_while_the_box_takes_nothing() -> None:
    class Slow:
        def __init__(self) -> None:
            self.takes = trio.Event()
            self.keys = bytearray()

        async def send_keys(self, keys: bytes) -> None:
            await self.takes.wait()
            self.keys += keys

    paste, pasted = b"0123456789" * (3 * WAITING // 20), 0

    async def type() -> None:
        nonlocal pasted
        while pasted < len(paste):
            await trio.lowlevel.wait_writable(screen.descriptor)
            pasted += os.write(screen.descriptor, paste[pasted:])

    with terminal() as screen, raw():
        os.set_blocking(screen.descriptor, False)
        keyboard, line = Keyboard(view=False), Slow()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keyboard.send, cast("Line", line))
            nursery.start_soon(keyboard.read)
            nursery.start_soon(type)
            while pasted < WAITING:
                await trio.lowlevel.checkpoint()
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert pasted < len(paste)
            line.takes.set()
            while len(line.keys) < len(paste):
                await trio.lowlevel.checkpoint()
            assert line.keys == paste
            nursery.cancel_scope.cancel()


async def test_a_line_that_is_cut_under_a_paste_sets_the_keyboard_free() -> None:
    class Stuck:
        async def send_keys(self, keys: bytes) -> None:
            await trio.sleep_forever()

    with terminal() as screen, raw():
        os.set_blocking(screen.descriptor, False)
        keyboard = Keyboard(view=False)
        async with trio.open_nursery() as nursery:
            outcomes: list[Outcome | None] = []

            async def read() -> None:
                outcomes.append(await keyboard.read())

            nursery.start_soon(read)
            async with trio.open_nursery() as typing:
                typing.start_soon(keyboard.send, cast("Line", Stuck()))
                left = WAITING + (100 << 10)
                with trio.move_on_after(0.1):
                    while left > 0:
                        await trio.lowlevel.wait_writable(screen.descriptor)
                        left -= os.write(screen.descriptor, b"x" * min(left, 4096))
                typing.cancel_scope.cancel()
            while not outcomes:
                await trio.lowlevel.wait_writable(screen.descriptor)
                with suppress(BlockingIOError):
                    screen.type(b"\x1dd")
            assert outcomes == [Outcome(DETACHED)]


async def test_a_pipe_that_ends_asks_to_leave_behind_its_last_octet_on_every_line(tmp_path: Path) -> None:
    with pipes() as (to_stdin, _):
        os.write(to_stdin, b"\x1dd")
        os.close(to_stdin)
        keyboard = Keyboard(view=False)
        assert await keyboard.read() is None
        async with stage(tmp_path) as box:
            for expected in ([b"\x01\x1dd", LEAVING], [LEAVING]):
                async with opened(box.client, "/s") as line, trio.open_nursery() as nursery:
                    played = await box.next()
                    nursery.start_soon(keyboard.send, line)
                    assert [await played.hear() for _ in expected] == expected
                    nursery.cancel_scope.cancel()


async def test_whoever_stays_for_the_end_of_the_session_is_told_that_the_pipe_has_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pipes() as (to_stdin, _):
        os.close(to_stdin)
        keyboard = Keyboard(view=False, stays=True)
        assert await keyboard.read() is None
        assert capsys.readouterr().err.startswith("rc: stdin has ended; this stays until the session ends")
        async with stage(tmp_path) as box, opened(box.client, "/s") as line, trio.open_nursery() as nursery:
            played = await box.next()
            nursery.start_soon(keyboard.send, line)
            with trio.move_on_after(0.05) as silence:
                await played.hear()
            assert silence.cancelled_caught
            nursery.cancel_scope.cancel()


async def test_what_is_piped_to_one_who_only_looks_is_not_even_read() -> None:
    with pipes() as (to_stdin, _):
        os.write(to_stdin, b"rm\r")
        assert await Keyboard(view=True).read() is None
        assert os.read(0, 10) == b"rm\r"


async def test_a_terminal_that_is_closed_ends_us() -> None:
    ours, theirs = os.openpty()
    before = os.dup(0)
    os.dup2(theirs, 0)
    os.close(theirs)
    try:
        keyboard = Keyboard(view=False)
        os.close(ours)
        assert await keyboard.read() == Outcome(SIGNALLED, signal=signal.SIGHUP)
    finally:
        os.dup2(before, 0)
        os.close(before)


async def test_a_line_that_breaks_is_somebody_elses_to_tell(tmp_path: Path) -> None:
    with pipes() as (to_stdin, _):
        keyboard = Keyboard(view=False)
        async with stage(tmp_path) as box, opened(box.client, "/s") as line, trio.open_nursery() as nursery:
            await (await box.next()).cut()
            with pytest.raises(Exception, match="closed"):
                await line.receive()
            nursery.start_soon(keyboard.read)
            await trio.testing.wait_all_tasks_blocked()

            async def send() -> None:
                await keyboard.send(line)
                nursery.cancel_scope.cancel()

            nursery.start_soon(send)
            await trio.testing.wait_all_tasks_blocked()
            os.write(to_stdin, b"x")
