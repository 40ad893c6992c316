"""A box in the background: how it is asked for, and how it says that it is ready, or why it is not."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import pytest

from supervisor.cli import arguments, serving
from supervisor.detached import _read_line, _why, words
from supervisor.serveoptions import ServeOptions


def read_back(given: list[str]) -> ServeOptions:
    known = argparse.Namespace(state_dir=None, box=None, json=False)
    return serving.options(arguments.read("serve", "", serving.VERBS["serve"], given, known))


@pytest.mark.parametrize(
    "options",
    [
        ServeOptions(),
        ServeOptions(projects=("/a b", "/-c"), spawn="worktree", capacity=3, name="a=b", agent="echo"),
        ServeOptions(listen=("127.0.0.1:0", "[::1]:7"), verbose=True, log_json=True, take_over=True, continue_=True),
        ServeOptions(
            tls_cert="/c", tls_key="/k", behind_proxy=("10.0.0.1", "::1"), public_url=("https://a", "https://b")
        ),
        ServeOptions(tls_cert="", tls_key="", behind_proxy=("",), public_url=("",)),
        ServeOptions(create_session_in_dir=True, config="/c", state_dir="/s"),
        ServeOptions(create_session_in_dir=False, name="--json"),
    ],
)
def test_what_is_asked_for_is_read_back_as_the_same(options: ServeOptions) -> None:
    assert read_back(words(options)) == options


def test_the_one_in_the_background_is_not_asked_to_go_there_once_more() -> None:
    assert read_back(words(ServeOptions(detach=True, json=True))) == ServeOptions()


def test_the_line_that_says_ready_may_come_in_pieces() -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, b'{"ready"')
        assert _read_line(reading, time.monotonic()) == b""  # not within its time
        os.write(writing, b'{"ready":true}\n')
        assert _read_line(reading, time.monotonic() + 5) == b'{"ready":true}\n'
        os.write(writing, b"half")
        os.close(writing)
        assert _read_line(reading, time.monotonic() + 5) == b""
    finally:
        os.close(reading)


def test_why_it_did_not_start_is_the_last_line_of_this_start(tmp_path: Path) -> None:
    log = tmp_path / "serve.log"
    earlier = "an earlier start\n"
    problem = {"code": "configuration", "detail": "the port is in use", "hint": "choose another"}
    log.write_text(f"{earlier}a log line\n{json.dumps(problem)}\n\n")
    refused = _why(str(log), len(earlier))
    assert (refused.code, refused.detail, refused.hint) == ("configuration", "the port is in use", "choose another")
    assert refused.fields == {"log": str(log)}


@pytest.mark.parametrize("last", ["", "Killed\n", "[1]\n", '{"code": "x"}\n'])
def test_one_that_died_without_a_word_names_its_log(tmp_path: Path, last: str) -> None:
    log = tmp_path / "serve.log"
    log.write_text(last)
    refused = _why(str(log), 0)
    assert (refused.code, refused.detail) == ("configuration", "the box did not start")
    assert str(log) in refused.hint
