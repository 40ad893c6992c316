"""A snapshot as steps: screen, then each part's size, state and output with its resizes."""

from __future__ import annotations

from supervisor.web.streams.snapshot import Span, State, size_message, steps_of
from workers.core.screen import Part, SnapshotPlan


def test_one_part_is_its_size_its_state_and_its_output() -> None:
    snapshot = SnapshotPlan((Part(b"\x1b[1m", 100, 200, 24, 80, ()),), 200)
    assert list(steps_of(snapshot)) == [
        b'{"type":"screen","live_at":200}',
        size_message(24, 80),
        State(100, b"\x1b[1m"),
        Span(100, 200),
    ]


def test_a_size_stands_where_the_terminal_was_resized() -> None:
    sizes = ((100, 25, 80), (150, 30, 100), (200, 40, 120))
    steps = list(steps_of(SnapshotPlan((Part(b"", 100, 200, 24, 80, sizes),), 200)))[2:]
    assert steps == [
        State(100, b""),
        size_message(25, 80),
        Span(100, 150),
        size_message(30, 100),
        Span(150, 200),
        size_message(40, 120),
    ]


def test_two_parts_follow_each_other_and_an_empty_one_has_no_output() -> None:
    snapshot = SnapshotPlan((Part(b"a", 0, 50, 24, 80, ()), Part(b"b", 60, 60, 24, 80, ())), 60)
    kinds = [type(step) for step in steps_of(snapshot)]
    assert kinds == [bytes, bytes, State, Span, bytes, State]
