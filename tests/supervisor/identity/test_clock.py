"""Two clocks: one for deadlines, one for people."""

from __future__ import annotations

import time

from supervisor.identity.clock import CLOCK, Clock


def test_a_time_is_told_as_people_read_it() -> None:
    clock = Clock(lambda: 5.0, lambda: 0.25)
    assert clock.text_in() == "1970-01-01T00:00:00.250Z"
    assert clock.text_in(300.0) == "1970-01-01T00:05:00.250Z"


def test_the_clocks_of_the_machine_are_those_that_count() -> None:
    assert abs(CLOCK.boot() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 1.0
    assert abs(CLOCK.wall() - time.time()) < 1.0
