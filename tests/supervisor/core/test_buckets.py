"""Token buckets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.buckets import KEYS, Buckets, Rate


def test_a_burst_goes_at_once_and_then_at_the_rate() -> None:
    buckets = Buckets(Rate(per_second=2, burst=3))
    assert [buckets.take("a", 10.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert buckets.take("a", 10.0) == 0.5
    assert buckets.take("a", 10.25) == 0.25
    assert buckets.take("a", 10.5) == 0.0
    assert buckets.take("a", 10.5) == 0.5


def test_each_has_a_bucket_of_their_own() -> None:
    buckets = Buckets(Rate(1, 1))
    assert buckets.take("a", 0) == buckets.take("b", 0) == 0.0
    assert buckets.take("a", 0) == 1.0


def test_what_costs_more_than_there_ever_is_takes_all_of_it() -> None:
    buckets = Buckets(Rate(1, 4))
    assert buckets.take("a", 0, cost=100) == 0.0
    assert buckets.take("a", 0, cost=2) == 2.0


def test_only_so_many_are_kept() -> None:
    buckets = Buckets(Rate(1, 1))
    for number in range(KEYS + 1):
        assert buckets.take(str(number), 0) == 0.0
    assert buckets.take("0", 0) == 0.0  # who was quiet longest starts anew
    assert buckets.take(str(KEYS), 0) == 1.0


@given(st.lists(st.floats(0, 3), max_size=60))
def test_in_no_stretch_of_time_are_there_more_than_the_burst_and_the_rate(pauses: list[float]) -> None:
    buckets, now, taken = Buckets(Rate(2, 5)), 0.0, 0
    for pause in pauses:
        now += pause
        taken += buckets.take("a", now) == 0.0
    assert taken <= 5 + 2 * now + 1e-6
