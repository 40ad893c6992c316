"""The exchange that a worker comes with: read from wherever it is, and written where nobody else reads it."""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.remote.exchange import Exchange, source
from workers.errors import Refused

SESSION = "session_00000000-0000-4000-8000-000000000001"


def b64u(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


TOKEN = f"{b64u({'alg': 'EdDSA'})}.{b64u({'session': SESSION, 'generation': 1})}.AAAA"
ANSWER = {"worker_jwt": TOKEN, "expires_in": 900, "generation": 1, "session": SESSION}


@pytest.fixture
def stdin() -> Iterator[io.StringIO]:
    before, sys.stdin = sys.stdin, io.StringIO(json.dumps(ANSWER))
    yield sys.stdin
    sys.stdin = before


def test_it_says_for_which_session_it_is() -> None:
    assert Exchange.from_json(json.dumps(ANSWER)) == Exchange(SESSION, TOKEN)
    assert Exchange.from_json(json.dumps({"worker_jwt": TOKEN})) == Exchange(SESSION, TOKEN)
    assert TOKEN not in repr(Exchange(SESSION, TOKEN))


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "[]",
        "{}",
        '{"worker_jwt":1}',
        '{"worker_jwt":"x"}',
        '{"worker_jwt":"x.!.y"}',
        json.dumps({"worker_jwt": "a b", "session": SESSION}),
        json.dumps({"worker_jwt": TOKEN, "session": "../../etc"}),
        json.dumps({"worker_jwt": TOKEN, "session": 7}),
        json.dumps({"code": "worker_is_local", "detail": "it is"}),
    ],
)
def test_what_is_none_is_refused(answer: str) -> None:
    with pytest.raises(Refused) as caught:
        Exchange.from_json(answer)
    assert caught.value.code == "invalid"


def test_in_a_file_it_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "bridge.json"
    path.write_text(json.dumps(ANSWER))
    found = source(str(path))
    assert found.is_renewed and found.read() == Exchange(SESSION, TOKEN)
    path.write_text(json.dumps({**ANSWER, "worker_jwt": TOKEN + "B"}))
    assert found.read().token == TOKEN + "B"
    path.write_bytes(b"\xff")
    for broken in (found, source(str(tmp_path / "none"))):
        with pytest.raises(Refused, match=r"holds no text|cannot be read"):
            broken.read()


@pytest.mark.parametrize("path", [None, "-"])
def test_on_stdin_it_comes_once(stdin: io.StringIO, path: str | None) -> None:
    assert source(path).read() == Exchange(SESSION, TOKEN)
    assert stdin.read() == ""


def test_who_types_at_a_terminal_is_told_how_to_hand_it_over(stdin: io.StringIO) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    sys.stdin = Terminal(json.dumps(ANSWER))
    with pytest.raises(Refused, match="there is no exchange"):
        source(None)
