"""Parts that several test modules of the command line share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.supervisor.cli.calling import Called, call
from tests.supervisor.cli.oddbox import OddBox, odd_box
from tests.supervisor.web.boxes import ServedBox, serving


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBox]:
    """One real box for all tests that ask one."""
    with serving(tmp_path_factory.mktemp("cli")) as box:
        yield box


@pytest.fixture
def box(served: ServedBox) -> Iterator[ServedBox]:
    """The box; sessions that a test has made end with it and keep no slot."""
    yield served
    for session in served.ask("GET", "/v1/code/sessions").json["sessions"]:
        if session["worker_pid"] is not None:
            served.ask("POST", f"/v1/code/sessions/{session['id']}/stop")


class Rc:
    """`rc` at one box."""

    def __init__(self, socket: str) -> None:
        self.words = ("--box", f"unix:{socket}")

    def __call__(self, *words: str, stdin: bytes = b"") -> Called:
        return call(*self.words, *words, stdin=stdin)


@pytest.fixture
def rc(box: ServedBox) -> Rc:
    """`rc` at the real box."""
    return Rc(box.socket)


@pytest.fixture
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OddBox]:
    """A box that answers whatever the test says."""
    with odd_box(str(tmp_path_factory.mktemp("odd") / "rc.sock")) as box:
        yield box


@pytest.fixture
def odd_rc(odd: OddBox) -> Rc:
    return Rc(odd.path)
