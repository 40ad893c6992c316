"""Slots: how many sessions may run at once, and who holds a place."""

from __future__ import annotations

from collections.abc import Callable

from supervisor.core.options import CAPACITY_MAX
from workers.errors import Refused

CAPACITY_MIN = 1


class Slots:
    """The places of a box. The one home of the capacity and of who counts against it.

    `single` is a box in `session` mode: one place for as long as the box lives, and its own words for a refusal.
    `on_change` is called when a place was taken or given back.
    """

    def __init__(self, capacity: int, *, single: bool = False, on_change: Callable[[], None] = lambda: None) -> None:
        self._capacity = 1 if single else check_capacity(capacity)
        self._single = single
        self._on_change = on_change
        self._held: dict[str, None] = {}  # a dict keeps the order in which the places were taken

    @property
    def capacity(self) -> int:
        return self._capacity

    @property
    def used(self) -> int:
        """May exceed the capacity: lowering it ends nothing, and what was found alive is counted all the same."""
        return len(self._held)

    def reserve(self, session: str) -> None:
        """Take a place for a session that is to start. Raises Refused `at_capacity` or `single_session_busy`."""
        # Not async on purpose: with no checkpoint between counting and taking, two requests can never get the
        # last place.
        assert session not in self._held, f"{session} already holds a slot"
        if self.used >= self._capacity:
            raise self._full()
        self.count(session)

    def count(self, session: str) -> None:
        """Count a session that was found alive: it runs, whatever the capacity says."""
        self._held[session] = None
        self._on_change()

    def release(self, session: str) -> None:
        """Give a place back. Twice is no error: an end may be told by the roll-back and by the exit."""
        if session in self._held:
            del self._held[session]
            self._on_change()

    def change_capacity(self, capacity: int) -> None:
        """Later sessions are measured by it; those that run go on. Raises Refused as `check_change`."""
        self.check_change(capacity)
        self._capacity = capacity

    def check_change(self, capacity: int) -> None:
        """Raises Refused `invalid`, `mode_fixed` where the capacity cannot become this."""
        if self._single:
            raise Refused(
                "mode_fixed",
                "a box in session mode serves exactly one session",
                "start another box with `rc serve --spawn same-dir`",
            )
        check_capacity(capacity)

    def _full(self) -> Refused:
        sessions = list(self._held)
        if self._single:
            return Refused(
                "single_session_busy",
                "this box is in session mode and its one session is taken",
                f"attach to it with `rc attach {sessions[0]}`",
                sessions=sessions,
            )
        return Refused(
            "at_capacity",
            f"all {self._capacity} slots are taken",
            "end a session with `rc stop S`, or raise the limit with `rc capacity N`",
            used=self.used,
            limit=self._capacity,
            sessions=sessions,
        )


def check_capacity(capacity: int) -> int:
    """Raises Refused `invalid` outside 1..1024."""
    if not CAPACITY_MIN <= capacity <= CAPACITY_MAX:
        raise Refused(
            "invalid",
            f"capacity is {CAPACITY_MIN} to {CAPACITY_MAX}, not {capacity}",
            f"give a number from {CAPACITY_MIN} to {CAPACITY_MAX}",
        )
    return capacity
