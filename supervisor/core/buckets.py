"""Token buckets: how often somebody may do something, at once and in the long run."""

from __future__ import annotations

from dataclasses import dataclass

KEYS = 4096  # whose buckets are kept; beyond it the one who was quiet longest starts anew, with a full one


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, and then `per_second`."""

    per_second: float
    burst: float


class Buckets:
    """One bucket for each key, full at first. `now` is in seconds and does not run backwards."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._left: dict[
            str, tuple[float, float]
        ] = {}  # tokens and when they were counted, who was quiet longest first

    def take(self, key: str, now: float, cost: float = 1.0) -> float:
        """Take `cost` tokens; or take nothing, and tell in how many seconds they will be there. 0.0: taken."""
        left, rate = self._now(key, now), self._rate
        wanted = min(cost, rate.burst)  # what costs more than there ever is takes all of it
        if left < wanted:
            return (wanted - left) / rate.per_second
        self._left.pop(key, None)
        self._left[key] = left - wanted, now
        if len(self._left) > KEYS:
            del self._left[next(iter(self._left))]
        return 0.0

    def _now(self, key: str, now: float) -> float:
        left, since = self._left.get(key, (self._rate.burst, now))
        return min(self._rate.burst, left + (now - since) * self._rate.per_second)
