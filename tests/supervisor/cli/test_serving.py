"""What `rc serve` was asked for."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from supervisor.cli import arguments
from supervisor.cli.serving import VERBS, options
from supervisor.serveoptions import ServeOptions
from tests.supervisor.cli.calling import call, directory


def read(*words: str) -> ServeOptions:
    known = argparse.Namespace(state_dir=None, box=None, json=False)
    return options(arguments.read("serve", "", VERBS["serve"], list(words), known))


def test_what_was_not_given_is_left_open() -> None:
    assert read() == ServeOptions()


def test_what_was_given_is_passed_on(tmp_path: Path) -> None:
    words = "--spawn worktree --capacity 5 --name box --agent echo --listen 127.0.0.1:0 --listen [::1]:1 -d -c --json"
    more = "--no-create-session-in-dir --verbose --config c.toml --log-json --take-over --state-dir s"
    with directory(tmp_path):
        given = read("a", *words.split(), *more.split(), "/b")
        assert given == ServeOptions(
            projects=(str(tmp_path / "a"), "/b"),
            spawn="worktree",
            capacity=5,
            name="box",
            agent="echo",
            listen=("127.0.0.1:0", "[::1]:1"),
            create_session_in_dir=False,
            verbose=True,
            config="c.toml",
            log_json=True,
            json=True,
            detach=True,
            take_over=True,
            continue_=True,
            state_dir="s",
        )


def test_the_session_in_the_directory_may_be_wished_for_or_not() -> None:
    assert read("--create-session-in-dir").create_session_in_dir is True


@pytest.mark.parametrize(
    "words",
    [
        ("--spawn", "elsewhere"),
        ("--capacity", "0"),
        ("--capacity", "1025"),
        ("--sandbox",),
        ("--permission-mode", "plan"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(words: tuple[str, ...]) -> None:
    assert call("serve", *words).code == 2
