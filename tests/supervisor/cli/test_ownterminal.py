"""The terminal that `rc` was started at."""

from __future__ import annotations

import os
import termios
from pathlib import Path

import pytest
import trio

from supervisor.cli import ownterminal
from tests.supervisor.cli.stage import pipes, standard, terminal


def test_its_size_is_in_cells() -> None:
    with terminal(30, 100) as screen:
        assert ownterminal.size() == (30, 100)
        screen.resize(0, 0)
        assert ownterminal.size() == ownterminal.DEFAULT_SIZE
    with pipes():
        assert ownterminal.size() is None


def test_it_is_as_before_whatever_happened() -> None:
    with terminal():
        before = termios.tcgetattr(0)
        with pytest.raises(ZeroDivisionError), ownterminal.raw():
            assert not termios.tcgetattr(0)[3] & termios.ICANON
            raise ZeroDivisionError
        assert termios.tcgetattr(0) == before


def test_a_pipe_is_left_as_it_is() -> None:
    with pipes(), ownterminal.raw():
        pass


def test_a_terminal_that_is_taken_away_is_no_trouble() -> None:
    with terminal() as screen:
        with ownterminal.raw():
            os.close(os.dup(screen.descriptor))
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, 0)
            os.close(nothing)
        assert not os.isatty(0)


async def test_keys_are_read_as_they_are_typed() -> None:
    with terminal() as screen, ownterminal.raw():
        screen.type(b"\x03\x1b[A")
        assert await ownterminal.read() == b"\x03\x1b[A"


async def test_the_end_of_a_pipe_is_empty() -> None:
    with pipes() as (to_stdin, _):
        os.write(to_stdin, b"x")
        os.close(to_stdin)
        assert await ownterminal.read() == b"x"
        assert await ownterminal.read() == b""


async def test_a_plain_file_can_be_read_and_written(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"text")
    stdin = os.open(tmp_path / "in", os.O_RDONLY)
    stdout = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    try:
        with standard(stdin, stdout):
            assert await ownterminal.read() == b"text"
            assert await ownterminal.read() == b""
            await ownterminal.write(b"more")
            ownterminal.write_last(b" last")
    finally:
        os.close(stdin)
        os.close(stdout)
    assert (tmp_path / "out").read_bytes() == b"more last"


async def test_a_closed_terminal_is_the_end() -> None:
    ours, theirs = os.openpty()
    with standard(theirs, theirs):
        os.close(theirs)
        os.close(ours)
        assert await ownterminal.read() == b""
        ownterminal.write_last(b"nobody reads this")


async def test_a_reader_who_is_slow_keeps_nobody_else_waiting() -> None:
    data = os.urandom(1 << 20)
    with pipes() as (_, from_stdout):
        got = bytearray()

        async def read() -> None:
            while len(got) < len(data):
                await trio.lowlevel.wait_readable(from_stdout)
                got.extend(os.read(from_stdout, 65536))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ownterminal.write, data)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(read)
        assert bytes(got) == data
