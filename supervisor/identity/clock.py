"""The two clocks that identity needs, so that tests can bring their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from workers.core.events import SECOND, now_text


@dataclass(frozen=True, slots=True)
class Clock:
    """`boot`: seconds that go on while the machine sleeps and never step. `wall`: seconds since 1970."""

    boot: Callable[[], float]
    wall: Callable[[], float]

    def text_in(self, seconds: float = 0.0) -> str:
        """The time of day so many seconds from now."""
        return now_text(round((self.wall() + seconds) * SECOND))


CLOCK = Clock(partial(time.clock_gettime, time.CLOCK_BOOTTIME), time.time)
