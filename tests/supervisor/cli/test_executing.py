"""`rc exec`."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import trio

from supervisor.cli.executing import Program
from supervisor.cli.ownterminal import raw
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.cli.stage import pipes, stage, terminal


def test_without_a_command_it_is_a_usage_error(rc: Rc) -> None:
    assert rc("exec", "s").code == 2
    assert rc("exec", "s", "--").code == 2
    assert rc("exec", "nobody", "--", "ls").code == 3


async def test_on_a_terminal_keys_sizes_and_colours_go_through(tmp_path: Path) -> None:
    with terminal() as screen:
        program = Program(safe=False)
        codes = []
        async with stage(tmp_path) as box, trio.open_nursery() as nursery:

            async def start() -> None:
                with raw():
                    codes.append(await program.run(box.client, "/exec", "secret"))
                program.give_back()

            nursery.start_soon(start)
            played = await box.next()
            assert played.protocols == ("rc.v1", "ticket.secret")
            screen.type(b"\x03")
            assert await played.hear_keys() == b"\x03"
            screen.resize(11, 22)
            os.kill(os.getpid(), signal.SIGWINCH)
            assert (await played.hear())["command"] == {"kind": "resize", "rows": 11, "columns": 22}
            await played.print(0, b"\x1b[?1049h\x1b]52;c;x\x07red", kind=1)
            await played.print(0, b"unknown kind", kind=9)
            await played.tell("ack", id="size", seq=None)
            await played.tell("exit", code=4, signal=None)
        assert codes == [4]
        assert program.ended == {"code": 4, "signal": None}
        shown = await screen.until(b"\x1b[?1049l")
        assert b"52;" not in shown
        assert b"unknown" not in shown


async def test_what_goes_to_no_terminal_is_left_as_it_is(tmp_path: Path) -> None:
    with pipes() as (to_stdin, from_stdout):
        os.close(to_stdin)
        program = Program(safe=True)
        async with stage(tmp_path) as box, trio.open_nursery() as nursery:
            nursery.start_soon(program.run, box.client, "/exec", "secret")
            played = await box.next()
            assert await played.hear_keys() == b"\x04"
            await played.print(0, b"\x1b]52;c;x\x07")
            await played.tell("exit", code=0, signal=None)
        program.give_back()
        assert os.read(from_stdout, 100) == b"\x1b]52;c;x\x07"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_us(tmp_path: Path, number: int) -> None:
    with pipes():
        program = Program(safe=True)
        codes = []
        async with stage(tmp_path) as box, trio.open_nursery() as nursery:

            async def start() -> None:
                codes.append(await program.run(box.client, "/exec", "secret"))

            nursery.start_soon(start)
            await box.next()
            await trio.testing.wait_all_tasks_blocked(0.02)
            os.kill(os.getpid(), number)
        assert codes == [128 + number]
