"""How much sessions that print without end are held back, so that keys in the others do not wait behind them."""

from __future__ import annotations

FLAT_OUT = 32 << 10  # octets in one piece: a program that prints faster than it is read; lines of a build are shorter
WINDOW_SECONDS = 1.0  # one that has not printed like that for so long has stopped doing it
FREE = 2  # so many at once are read as fast as they go: a key waits for a millisecond behind them
# Rest after each 64 KiB for every session that prints flat out, which makes 32 MB/s for all of them
# together: about half of what a supervisor passes on. Eight at once without it made a key wait for 60 ms.
REST_MS = 2
AGAIN_SECONDS = 0.5  # how often a worker is told: it forgets after a while, in case nobody is left to take it back


class Pacing:
    """Which sessions print flat out."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}

    def rest(self, session: str, now: float) -> int:
        """This one has just printed as much as fits: milliseconds of rest for it."""
        self._seen[session] = now
        for id, at in tuple(self._seen.items()):
            if at <= now - WINDOW_SECONDS:
                del self._seen[id]
        return REST_MS * len(self._seen) if len(self._seen) > FREE else 0


class Pace:
    """What one worker is told of it: `due` gives a rest when it is to be told, else None."""

    def __init__(self, pacing: Pacing, session: str) -> None:
        self._pacing = pacing
        self._session = session
        self._told, self._told_at = 0, 0.0

    def due(self, octets: int, now: float) -> int | None:
        """A piece of output of this size has come."""
        if octets < FLAT_OUT:
            return None
        rest = self._pacing.rest(self._session, now)
        if rest == self._told and (not rest or now - self._told_at < AGAIN_SECONDS):
            return None
        self._told, self._told_at = rest, now
        return rest
