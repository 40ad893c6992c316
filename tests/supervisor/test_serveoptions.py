"""What `rc serve` was asked for."""

from __future__ import annotations

import argparse
import dataclasses
import os

import pytest

from supervisor.cli import arguments, serving
from supervisor.serveoptions import ServeOptions


def read(*words: str) -> ServeOptions:
    known = argparse.Namespace(state_dir=None, box=None, json=False)
    return serving.options(arguments.read("serve", "", serving.VERBS["serve"], list(words), known))


def test_what_was_not_given_is_told_from_what_was() -> None:
    assert read() == ServeOptions()
    assert read("--no-create-session-in-dir") == ServeOptions(create_session_in_dir=False)
    none = read("--tls-cert=", "--behind-proxy=", "--public-url=")
    assert (none.tls_cert, none.behind_proxy, none.public_url) == ("", ("",), ("",))
    assert read("--create-session-in-dir") == ServeOptions(create_session_in_dir=True)


def test_each_option_has_its_place() -> None:
    words = [
        "/p",
        "--spawn=worktree",
        "--capacity=2",
        "--name=n",
        "--agent=a",
        "--listen=a:1",
        "--listen=b:2",
        "--tls-cert=/c",
        "--tls-key=k",
        "--behind-proxy=10.0.0.1",
        "--public-url=https://a",
        "--public-url=https://b",
        "--json",
    ]
    words += ["--verbose", "--config=c", "--log-json", "-d", "--take-over", "-c", "--state-dir=/s"]
    assert read(*words) == ServeOptions(
        projects=("/p",),
        spawn="worktree",
        capacity=2,
        name="n",
        agent="a",
        listen=("a:1", "b:2"),
        tls_cert="/c",
        tls_key=os.path.abspath("k"),
        behind_proxy=("10.0.0.1",),
        public_url=("https://a", "https://b"),
        verbose=True,
        config="c",
        log_json=True,
        json=True,
        detach=True,
        take_over=True,
        continue_=True,
        state_dir="/s",
    )


def test_nobody_changes_them_on_the_way() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ServeOptions().name = "other"  # type: ignore[misc]  # which is what is shown
