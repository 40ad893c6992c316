"""Log lines: readable, harmless, and never a reason to wait."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator

import pytest
import structlog

from supervisor.logs import LINE_MAX, TRACE_LINES_MAX, Outlet, start_log


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged, after `start_log` with an outlet that is diverted to here."""
    heard: list[str] = []
    outlet = Outlet()
    with outlet.diverted(heard.append):
        start_log(verbose=False, as_json=False, outlet=outlet)
        yield heard
    structlog.reset_defaults()
    logging.basicConfig(force=True)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def test_a_line_is_a_fact_with_its_details(lines: list[str]) -> None:
    structlog.get_logger().info("session_started", session="session_1", name="fix login")
    at, rest = lines[0].split(" ", 1)
    assert at.endswith("Z")
    assert rest == "info     session_started session=session_1 name='fix login'"


def test_what_others_wrote_is_shown_and_not_obeyed(lines: list[str]) -> None:
    structlog.get_logger().warning("odd \x1b[2J title", title="\u202egnp\r\n.exe")
    assert "odd \\x1b[2J title title=" in lines[0]
    assert lines[0].isprintable()


def test_json_lines_are_ascii(lines: list[str]) -> None:
    outlet = Outlet()
    with outlet.diverted(lines.append):
        start_log(verbose=False, as_json=True, outlet=outlet)
        structlog.get_logger().info("renamed", title="\x9b31m é", path=b"\xff")
    assert lines[0].isascii()
    assert json.loads(lines[0]).items() >= {"event": "renamed", "title": "\x9b31m é", "level": "info"}.items()


def test_a_traceback_follows_its_line(lines: list[str]) -> None:
    try:
        raise AssertionError("a bug\x1b[31m")
    except AssertionError:
        structlog.get_logger().exception("bug")
    assert lines[0].splitlines()[1] == "Traceback (most recent call last):"
    assert lines[0].splitlines()[-1] == "AssertionError: a bug\\x1b[31m"


def test_details_of_detail_come_only_when_wanted(lines: list[str]) -> None:
    structlog.get_logger().debug("small")
    logging.getLogger("library").info("small")
    assert lines == []
    outlet = Outlet()
    with outlet.diverted(lines.append):
        start_log(verbose=True, as_json=False, outlet=outlet)
        structlog.get_logger().debug("small")
    assert len(lines) == 1


def test_what_a_library_logs_comes_in_the_same_form(lines: list[str]) -> None:
    logging.getLogger("hypercorn.error").warning("took %d s", 3)
    assert lines[0].endswith("warning  took 3 s logger=hypercorn.error")


def test_a_line_goes_to_its_descriptor(pipe: tuple[int, int]) -> None:
    Outlet(pipe[1]).say("hello")
    assert os.read(pipe[0], 100) == b"hello\n"


def test_a_pipe_that_nobody_reads_stops_nothing_and_the_loss_is_told(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1])
    for _ in range(100):
        outlet.say("x" * 2 * LINE_MAX)
    whole = 0
    while (got := os.read(pipe[0], LINE_MAX)).startswith(b"x"):
        whole += 1
        assert got.endswith(b"x\n")
        if whole == 16:
            outlet.say("here again")
    assert got == f"({100 - whole} lines were dropped, because nobody read them)\nhere again\n".encode()


def test_a_traceback_without_end_has_one_in_the_log(pipe: tuple[int, int]) -> None:
    Outlet(pipe[1]).say("x\n" * 2 * TRACE_LINES_MAX)
    assert os.read(pipe[0], 1 << 16) == b"x\n" * TRACE_LINES_MAX


def test_a_terminal_that_was_closed_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    Outlet(writing).say("is anybody there")
    os.close(writing)
    Outlet(writing).say("not even the descriptor is there")
