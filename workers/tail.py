"""The screen that an earlier holder of a journal left: tracked again from the last of its output."""

from __future__ import annotations

from workers.core.screen import Tracker
from workers.journalread import read_terminal

TAIL = 256 << 10  # octets of output from which the screen of an ended session is shown


def track_tail(directory: str, rows: int, columns: int, kept_from: int, end: int) -> Tracker:
    """A tracker that has read the last `TAIL` octets of what the journal keeps."""
    start = max(kept_from, end - TAIL)
    tracker = Tracker(rows, columns, start)
    while start < end:
        page = read_terminal(directory, start)
        tracker.feed(page.data)
        start = page.start + max(1, len(page.data))
    return tracker
