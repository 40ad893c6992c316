from __future__ import annotations

from supervisor.core.pacing import AGAIN_SECONDS, FLAT_OUT, REST_MS, WINDOW_SECONDS, Pace, Pacing


def test_one_or_two_are_not_held_back() -> None:
    pacing = Pacing()
    assert [pacing.rest(name, now) for now in (0.0, 0.1) for name in ("one", "two")] == [0, 0, 0, 0]


def test_each_rests_for_all_that_print() -> None:
    pacing = Pacing()
    told = [pacing.rest(name, 0.0) for name in ("one", "two", "three", "four")]
    assert told == [0, 0, 3 * REST_MS, 4 * REST_MS]
    assert pacing.rest("one", 0.1) == 4 * REST_MS


def test_one_that_has_stopped_counts_no_more() -> None:
    pacing = Pacing()
    pacing.rest("one", 0.0)
    pacing.rest("two", 0.5)
    assert pacing.rest("three", WINDOW_SECONDS - 0.01) == 3 * REST_MS
    assert pacing.rest("three", WINDOW_SECONDS) == 0


def test_a_worker_is_told_when_it_changes_and_again_after_a_while() -> None:
    pacing = Pacing()
    one, two, three = (Pace(pacing, name) for name in ("one", "two", "three"))
    assert (one.due(FLAT_OUT, 0.0), two.due(FLAT_OUT, 0.0)) == (None, None)
    assert three.due(FLAT_OUT, 0.0) == 3 * REST_MS
    assert three.due(FLAT_OUT, 0.1) is None
    assert one.due(FLAT_OUT, 0.1) == 3 * REST_MS
    assert one.due(FLAT_OUT, 0.1 + AGAIN_SECONDS) == 3 * REST_MS
    assert three.due(FLAT_OUT, 3.0) == 0
    assert three.due(FLAT_OUT, 9.0) is None


def test_small_pieces_count_for_nothing() -> None:
    pacing = Pacing()
    assert Pace(pacing, "zero").due(FLAT_OUT - 1, 0.0) is None
    pacing.rest("one", 0.0)
    pacing.rest("two", 0.0)
    assert pacing.rest("one", 0.1) == 0
