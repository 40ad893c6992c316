"""The query of a stream: four names, each at most once."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.streamquery import MAX_NUMBER, StreamQuery, parse
from workers.errors import Refused


def test_nothing_asked_means_live_with_a_snapshot() -> None:
    assert parse("") == StreamQuery()
    assert not parse("").wants_all


def test_all_four_are_read() -> None:
    assert parse("after=0&terminal_after=5120&history=ab12&catch_up=screen") == StreamQuery(0, 5120, "ab12", "screen")


def test_an_offset_means_every_octet_unless_the_screen_is_asked_for() -> None:
    assert parse("terminal_after=0").wants_all
    assert parse("catch_up=all").wants_all
    assert not parse("terminal_after=0&catch_up=screen").wants_all


@pytest.mark.parametrize(
    "query",
    [
        "after=",
        "after=-1",
        "after=x",
        "after=1.5",
        "after=%201",
        "after=１",
        f"after={MAX_NUMBER + 1}",
        "after=" + "9" * 40,
        "after=1&after=1",
        "terminal_after=x",
        "catch_up=some",
        "catch_up=",
        "history=",
        "history=" + "a" * 129,
        "since=1",
    ],
)
def test_anything_else_is_refused(query: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(query)
    assert caught.value.code == "invalid"


@given(st.text())
def test_no_query_whatever_breaks_the_reader(query: str) -> None:
    with contextlib.suppress(Refused):
        parse(query)


def test_the_last_event_id_wins_over_the_query() -> None:
    assert parse("after=1&catch_up=screen&history=h").resumed("42:5120") == StreamQuery(42, 5120, "h", "screen")


@pytest.mark.parametrize("given_id", ["", "42", "42:", ":1", "a:b", "1:2:3", " 1:2", "1:2\n", "9" * 30 + ":1"])
def test_a_last_event_id_that_is_not_ours_is_refused(given_id: str) -> None:
    with pytest.raises(Refused, match="Last-Event-ID"):
        StreamQuery().resumed(given_id)
