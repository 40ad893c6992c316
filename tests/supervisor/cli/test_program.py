"""Finding the verb, and turning failures into exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.cli import overview
from tests.supervisor.cli.calling import call, directory
from tests.supervisor.cli.oddbox import OddBox, Reply

NOBODY = ("--box", "unix:/nowhere/rc.sock")


def test_help_is_printed_on_stdout() -> None:
    for words in (("-h",), ("--help",), ("help",), ("--json", "-h")):
        called = call(*words)
        assert (called.code, called.out, called.err) == (0, overview.text(), "")


def test_without_a_word_help_is_printed_too() -> None:
    assert call().out == overview.text()


def test_help_of_a_verb_may_be_asked_for_in_front() -> None:
    assert call("help", "ls") == call("ls", "-h")
    assert call("help", "no-such-verb").code == 2


def test_options_without_a_verb_are_a_usage_error() -> None:
    called = call("--json")
    assert (called.code, called.out, called.problem["code"]) == (2, "", "invalid")
    assert call("--box", "unix:/x").err == "rc: there is no command; rc -h shows what there is\n"


def test_each_verb_has_its_help() -> None:
    called = call("ls", "-h")
    assert called.code == 0
    assert called.out.startswith("usage: rc ls ")
    assert "--state-dir" in called.out


@pytest.mark.parametrize(
    "words", [("acp",), ("no-such-verb",), ("--nonsense", "ls"), ("ls", "--nonsense"), ("mode", "x")]
)
def test_what_is_not_there_is_a_usage_error(words: tuple[str, ...]) -> None:
    called = call(*words)
    assert called.code == 2
    assert called.out == ""
    assert called.err.startswith("rc: ")
    assert called.err.count("\n") == 1


def test_the_options_of_every_command_may_stand_on_either_side() -> None:
    for words in (("--box=unix:/nowhere/rc.sock", "--json", "ls"), ("ls", "--json", "--box", "unix:/nowhere/rc.sock")):
        called = call(*words)
        assert called.code == 5
        assert called.problem["code"] == "unreachable"


def test_an_option_without_its_value_is_a_usage_error() -> None:
    assert call("--box").code == 2


def test_json_is_wanted_even_when_the_words_cannot_be_read() -> None:
    assert call("ls", "--nonsense", "--json").problem["code"] == "invalid"


def test_an_unreachable_box_is_exit_5_with_what_to_do() -> None:
    called = call(*NOBODY, "ls")
    assert called.code == 5
    assert called.err == "rc: no box runs at /nowhere; start one with: rc serve\n"


def test_a_box_that_goes_away_is_exit_5(odd: OddBox) -> None:
    odd.answers["GET", "/v1/box"] = Reply(b"{", cut=True)
    called = call("--box", f"unix:{odd.path}", "mode")
    assert called.code == 5
    assert called.err.startswith("rc: the box went away")
    assert call("--box", f"unix:{odd.path}", "--json", "mode").problem["code"] == "unreachable"


def test_a_refusal_of_the_box_is_told_unchanged_with_json(odd: OddBox) -> None:
    odd.refuse("GET", "/v1/box", 403, "not_allowed", "inside", extra={"a": 1})
    called = call("--box", f"unix:{odd.path}", "--json", "mode")
    assert called.code == 4
    assert called.problem == {
        "type": "t",
        "title": "T",
        "status": 403,
        "code": "not_allowed",
        "detail": "inside",
        "hint": "h",
        "extra": {"a": 1},
    }


def run(*words: str, **more: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "supervisor", *words]
    return subprocess.run(command, capture_output=True, check=False, **more)  # type: ignore[call-overload, no-any-return]


def test_a_reader_who_has_enough_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "supervisor", "--help"], stdout=write, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(write)
    assert done.returncode == 141
    assert done.stderr == b""


def test_a_directory_that_is_gone_is_told_and_no_riddle(odd: OddBox, tmp_path: Path) -> None:
    odd.answer("GET", "/v1/box", {"projects": []})
    place = tmp_path / "gone"
    place.mkdir()
    with directory(place):
        place.rmdir()
        called = call("--box", f"unix:{odd.path}", "new")
    assert (called.code, called.err) == (1, "rc: No such file or directory; rc doctor looks at this machine\n")


def test_version_is_an_option_too() -> None:
    assert call("--version", *NOBODY).out == call(*NOBODY, "version").out


def test_a_locale_without_our_characters_is_no_error(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONIOENCODING": "ascii", "PYTHONPATH": os.getcwd()}
    done = run("--box", "unix:/nöwhere/rc.sock", "--help", env=env)
    assert done.returncode == 0
    assert b"PROJECT\\u2026" in done.stdout


def test_it_runs_as_a_module() -> None:
    done = run("--box", "unix:/nowhere/rc.sock", "ls")
    assert done.returncode == 5


@pytest.mark.parametrize("words", [("--help",), ("--box", "unix:/nowhere/rc.sock", "ls")])
def test_quick_verbs_load_nothing_heavy(words: tuple[str, ...]) -> None:
    program = (
        "import sys; from supervisor.cli import main; main(sys.argv[1:]);"
        "heavy = {'trio', 'rich', 'httpx', 'fastapi', 'typer', 'pydantic', 'asyncio'} & set(sys.modules);"
        "heavy |= {'cryptography', 'subprocess', 'tomllib'} & set(sys.modules);"
        "sys.exit(f'{heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "missing"),
    [("send", "S"), ("run", "AGENT"), ("project", "ls|add|remove"), ("service", "install|remove|status")],
)
def test_only_what_must_be_given_is_named_as_missing(words: str, missing: str) -> None:
    assert f"the following arguments are required: {missing}; " in call(words).err
