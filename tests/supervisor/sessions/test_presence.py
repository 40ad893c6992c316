"""Whether a remote worker is there."""

from __future__ import annotations

import pytest

from supervisor.sessions.line import Clogged
from supervisor.sessions.presence import AWAY_SECONDS, SILENT_SECONDS, Presence
from tests.supervisor.sessions.workers_away import TestLine


def test_without_a_line_it_is_missed_after_a_while() -> None:
    presence = Presence(10.0)
    assert presence.line is None and not presence.is_missed(10 + AWAY_SECONDS)
    assert presence.is_missed(10.1 + AWAY_SECONDS)
    presence.heard(20.0)
    assert not presence.is_missed(20 + AWAY_SECONDS)


def test_on_a_line_where_it_speaks_silence_is_missed_and_on_another_it_is_not() -> None:
    presence = Presence(0.0)
    presence.come(TestLine(), 10.0)
    assert not presence.is_missed(10 + SILENT_SECONDS) and presence.is_missed(10.1 + SILENT_SECONDS)
    presence.come(TestLine(speaks=False), 20.0)
    assert not presence.is_missed(1000.0)


def test_the_newest_line_counts_and_the_one_before_is_cut() -> None:
    presence, first, second = Presence(0.0), TestLine(), TestLine()
    presence.come(first, 1.0)
    presence.come(second, 2.0)
    assert first.ended == "superseded" and second.ended is None
    presence.go(first, 3.0)
    assert presence.line is second
    presence.tell(type="x")
    assert second.told == [{"type": "x"}] and first.told == []
    presence.end("stale_generation")
    presence.go(second, 4.0)
    assert second.ended == "stale_generation" and presence.line is None and not presence.is_missed(4 + AWAY_SECONDS)
    presence.tell(type="x")
    presence.end("ended")


async def test_keys_go_to_who_is_there_and_are_refused_when_they_are_too_many() -> None:
    presence, line = Presence(0.0), TestLine()
    assert presence.has_room
    presence.type(b"lost")
    await presence.wait_room()
    presence.come(line, 1.0)
    presence.type(b"ls")
    await presence.wait_room()
    line.has_room = False
    assert not presence.has_room
    with pytest.raises(Clogged):
        presence.type(b"more")
    assert line.keys == [b"ls"]
