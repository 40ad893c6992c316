"""`rc exec`."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from supervisor.cli.executing import Program
from supervisor.cli.ownterminal import raw
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.cli.stage import pipes, stage, terminal
from tests.supervisor.web.boxes import ServedBox


def run(box: ServedBox, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """In a process of its own, because what the program prints goes to the descriptor itself."""
    command = [sys.executable, "-m", "supervisor", "--box", f"unix:{box.socket}", "exec", *words]
    return subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=60)


def test_the_program_runs_where_the_session_works_and_its_code_is_ours(box: ServedBox) -> None:
    made = box.new(agent="echo")
    done = run(box, made["name"], "--", "sh", "-c", "pwd; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, f"{box.project}\r\n".encode(), b"")


def test_a_program_that_is_killed_gives_its_signal(box: ServedBox) -> None:
    made = box.new(agent="echo")
    assert run(box, made["name"], "--", "sh", "-c", "kill -TERM $$").returncode == 128 + signal.SIGTERM


def test_a_pipe_is_its_keyboard_and_its_end_the_end(box: ServedBox) -> None:
    made = box.new(agent="echo")
    for text in (b"whole line\n", b"no line end"):
        done = run(box, made["name"], "--", "sh", "-c", "stty -echo; echo ready; cat", stdin=text)
        assert done.returncode == 0
        assert text.strip() in done.stdout


def test_as_json_it_is_one_value_a_line_and_the_end_the_last(box: ServedBox) -> None:
    made = box.new(agent="echo")
    done = run(box, made["name"], "--json", "--", "sh", "-c", "printf 'a\\033b'; exit 3")
    *output, end = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, end) == (3, {"type": "exit", "code": 3, "signal": None})
    assert [each["type"] for each in output] == ["terminal"] * len(output) and output[0]["offset"] == 0
    assert b"".join(base64.b64decode(each["data"]) for each in output) == b"a\x1bb"
    missing = run(box, made["name"], "--json", "--", "no-such-program")
    assert (missing.returncode, json.loads(missing.stderr)["code"]) == (127, "launch_failed")


def test_a_program_that_is_not_there_is_told(box: ServedBox) -> None:
    made = box.new(agent="echo")
    done = run(box, made["name"], "--", "no-such-program")
    assert done.returncode == 127
    assert b"no-such-program" in done.stderr


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
                    codes.append(await program.run(box.path, "/exec", "secret"))
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
            nursery.start_soon(program.run, box.path, "/exec", "secret")
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
                codes.append(await program.run(box.path, "/exec", "secret"))

            nursery.start_soon(start)
            await box.next()
            await trio.testing.wait_all_tasks_blocked(0.02)
            os.kill(os.getpid(), number)
        assert codes == [128 + number]
