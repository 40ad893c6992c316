"""`rc` called in this process, with what it printed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from supervisor.cli import main


@dataclass(frozen=True)
class Called:
    """How a call ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one value on stdout."""
        assert self.code == 0, self
        assert self.out.count("\n") == 1, self
        return json.loads(self.out)

    @property
    def problem(self) -> dict[str, Any]:
        """The problem object on stderr."""
        found: dict[str, Any] = json.loads(self.err)
        return found


def call(*words: str, stdin: bytes = b"") -> Called:
    """One command line, read from a pipe and printed to one."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin), "utf-8")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(words)
            out.flush()
            err.flush()
    finally:
        sys.stdin = before
    return Called(code, _text(out), _text(err))


def _text(stream: io.TextIOWrapper) -> str:
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


@contextlib.contextmanager
def environment(**variables: str | None) -> Iterator[None]:
    """Variables of this process, None for one that is not there, while inside."""
    before = dict(os.environ)
    try:
        for name, value in variables.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def directory(path: object) -> Iterator[None]:
    """Another current directory, while inside."""
    before = os.getcwd()
    os.chdir(str(path))
    try:
        yield
    finally:
        os.chdir(before)
