"""The log: facts for the operator of the box, on stderr. Never content of sessions, keystrokes or secrets."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

import structlog

from supervisor.core.printable import visible, visible_block

STDERR = 2
# A pipe that poll() calls writable takes this much without making us wait (PIPE_BUF); what a line has more is cut.
LINE_MAX = 4096
TRACE_LINES_MAX = 200  # of one traceback; deep recursion would say the same a thousand times


class Outlet:
    """Where lines go: to a descriptor, or while `diverted` to somebody who shows them.

    It never waits. Nobody reading the pipe, or Ctrl-S on the terminal, must not stop the box: lines that find no room
    are dropped, and the next one that does is preceded by their number. So are those of a terminal that was closed.
    """

    def __init__(self, descriptor: int = STDERR) -> None:
        self._descriptor = descriptor
        self._divert: Callable[[str], None] | None = None
        self._dropped = 0

    def say(self, text: str) -> None:
        """One line, or a line and its traceback."""
        if self._divert is not None:
            self._divert(text)
            return
        if self._dropped and self._write(f"({self._dropped} lines were dropped, because nobody read them)"):
            self._dropped = 0
        for line in text.splitlines()[:TRACE_LINES_MAX]:
            if not self._write(line):
                self._dropped += 1

    # structlog calls a method named like the level.
    debug = info = warning = error = critical = exception = say

    @contextlib.contextmanager
    def diverted(self, show: Callable[[str], None]) -> Iterator[None]:
        """Give lines to `show` instead, while the terminal belongs to the status screen."""
        self._divert = show
        try:
            yield
        finally:
            self._divert = None

    def _write(self, line: str) -> bool:
        octets = line.encode("utf-8", "backslashreplace")[: LINE_MAX - 1] + b"\n"
        try:
            poll = select.poll()
            poll.register(self._descriptor, select.POLLOUT)
            ready = poll.poll(0)
            if not ready or not ready[0][1] & select.POLLOUT:
                return False
            os.write(self._descriptor, octets)
        except OSError:
            # The terminal is gone (EIO), or whoever read the pipe (EPIPE). There is no other place to say it.
            return False
        return True


def start_log(*, verbose: bool, as_json: bool, outlet: Outlet | None = None) -> Outlet:
    """Have everything that is logged in this process come out as lines of one form. Also what libraries log."""
    outlet = outlet or Outlet()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _as_json if as_json else _as_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if verbose else logging.INFO),
        logger_factory=lambda *_: outlet,
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Forwarded()], level=logging.INFO if verbose else logging.WARNING, force=True)
    return outlet


class _Forwarded(logging.Handler):
    """Takes what libraries log by the standard module into our log."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def _as_json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    # ASCII: no control or bidirectional character of anybody's reaches the terminal.
    return json.dumps(event, default=repr)


def _as_line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    at, level, fact = event.pop("timestamp"), event.pop("level"), event.pop("event")
    trace = event.pop("exception", None)
    details = "".join(f" {key}={_detail(value)}" for key, value in event.items())
    line = visible(f"{at} {level:<8} {fact}{details}")
    return line if trace is None else f"{line}\n{visible_block(trace)}"


def _detail(value: object) -> str:
    text = str(value)
    return text if text and " " not in text else repr(text)
