"""The screen that an earlier holder of a journal left."""

from __future__ import annotations

import os
from pathlib import Path

from workers.journalfile import TerminalLog
from workers.tail import TAIL, track_tail


def test_it_is_tracked_from_the_last_of_the_output(tmp_path: Path) -> None:
    log = TerminalLog.open(str(tmp_path))
    for line in (b"x" * 50_000, *[b"%05d\r\n" % number for number in range(40_000)]):
        log.append(log.end, 0, line)
    log.close()
    tracker = track_tail(str(tmp_path), 24, 80, 0, log.end)
    (part,) = tracker.plan(0, 1000).parts
    assert part.end == log.end and log.end - TAIL <= part.start <= log.end - 1000
    assert (part.rows, part.columns) == (24, 80)


def test_nothing_was_printed_yet(tmp_path: Path) -> None:
    os.mkdir(tmp_path / "bundle")
    plan = track_tail(str(tmp_path / "bundle"), 24, 80, 0, 0).plan(0, 1000)
    assert plan.live_at == 0
