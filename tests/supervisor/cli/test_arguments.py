"""How the words of a command line are read."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from supervisor.cli import arguments
from supervisor.cli.arguments import Parser, Verb, duration, number, seconds
from tests.supervisor.cli.calling import environment
from workers.errors import Refused


def read(verb: Verb, *words: str) -> argparse.Namespace:
    return arguments.read("try", "a verb", verb, list(words), argparse.Namespace(state_dir=None, box=None, json=False))


def verb(add: Callable[[Parser], None], **shape: bool) -> Verb:
    return Verb(add, lambda args: 0, **shape)


def test_options_may_stand_among_the_sessions() -> None:
    args = read(verb(arguments.add_sessions), "a", "--json", "b", "--state-dir", "/s")
    assert (args.sessions, args.json, args.state_dir) == (["a", "b"], True, "/s")


def test_inside_a_session_its_own_is_meant_where_none_is_named() -> None:
    with environment(RC_SESSION_ID="session_1"):
        assert read(verb(arguments.add_sessions_or_own)).sessions == ["session_1"]
        assert read(verb(arguments.add_sessions_or_own), "a", "--json", "b").sessions == ["a", "b"]
        assert read(verb(arguments.add_session_or_own)).session == "session_1"
        assert read(verb(arguments.add_session_or_own), "a").session == "a"
    for add in (arguments.add_sessions_or_own, arguments.add_session_or_own):
        with environment(RC_SESSION_ID=None), pytest.raises(Refused, match="required: S"):
            read(verb(add))


def test_what_stood_before_the_verb_stays() -> None:
    known = argparse.Namespace(state_dir="/before", box=None, json=True)
    args = arguments.read("try", "", verb(arguments.nothing), [], known)
    assert (args.state_dir, args.json) == ("/before", True)


def test_a_word_that_looks_like_an_option_may_stand_behind_two_dashes() -> None:
    assert read(verb(arguments.add_sessions), "--", "-x").sessions == ["-x"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-x",), "; as a name: rc try -- -x"),
        (("a", "-x", "--json"), "; as a name: rc try -- -x"),
        (("a", "--name", "-x"), "; as a value: --name=-x"),
        (("--name=y",), ""),
        (("--name=y", "--", "-x", "--", "-z"), None),
    ],
)
def test_a_name_that_begins_with_a_dash_is_told_how_to_be_said(words: tuple[str, ...], told: str | None) -> None:
    def add(parser: Parser) -> None:
        arguments.add_session(parser)
        parser.add_argument("--name")

    with pytest.raises(Refused) as caught:
        read(verb(add), *words)
    assert told is None or caught.value.hint == f"rc try -h shows how{told}"


def test_a_verb_without_names_says_nothing_of_them() -> None:
    with pytest.raises(Refused) as caught:
        read(verb(arguments.nothing), "--bogus")
    assert caught.value.hint == "rc try -h shows how"


def test_a_command_for_elsewhere_is_kept_unread() -> None:
    args = read(verb(arguments.add_session, command=True), "s", "--", "sh", "-c", "--", "--json")
    assert (args.session, args.command, args.json) == ("s", ["sh", "-c", "--", "--json"], False)
    assert read(verb(arguments.add_session, command=True), "s").command is None


def test_what_belongs_to_an_agent_is_not_read() -> None:
    def add(parser: Parser) -> None:
        parser.add_argument("agent")
        parser.add_argument("words", nargs=argparse.REMAINDER)

    args = read(verb(add, rest=True), "--json", "claude", "--json", "-h")
    assert (args.agent, args.words, args.json) == ("claude", ["--json", "-h"], True)


@pytest.mark.parametrize("words", [("--nonsense", "a"), (), ("a", "--js"), ("a", "--box")])
def test_what_cannot_be_meant_is_refused_as_usage(words: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as refused:
        read(verb(arguments.add_sessions), *words)
    assert refused.value.code == "invalid"
    assert refused.value.hint.startswith("rc try -h shows how")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("1.5s", 1.5), ("15m", 900), ("2h", 7200), ("7d", 604800), ("1w", 604800)],
)
def test_times_have_units(text: str, expected: float) -> None:
    assert duration(text) == seconds(text) == expected


@pytest.mark.parametrize("text", ["", "7y", "-1", "1h30m", "x"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        duration(text)
    with pytest.raises(argparse.ArgumentTypeError, match="is not a time"):
        seconds(text)


def test_numbers_have_a_range() -> None:
    assert number(1, 10)("10") == 10
    for text in ("0", "11", "x", "-1", "1.5", "\u0663"):
        with pytest.raises(argparse.ArgumentTypeError, match="from 1 to 10"):
            number(1, 10)(text)
