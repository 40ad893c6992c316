"""What the box is told of an event in a worker's own journal: always something that the box takes."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.core.workerrecords import Told, parse_record
from supervisor.remote.records import record_of
from workers.core import events

MESSAGE = "11111111-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("origin", "update"),
    [
        ("rc", events.process("running", pid=7, terminal_offset=0)),
        ("rc", events.process("exited", code=3, signal=None, reason="ended", terminal_offset=9)),
        ("rc", events.process("exited", code=None, signal=None, reason="launch_failed", detail="no such program")),
        ("rc", events.process("suspended", code=None, signal="SIGHUP", reason="suspended", terminal_offset=9)),
        ("rc", events.process("lost", code=None, signal=None, reason="rebooted", terminal_offset=9)),
        ("rc", events.message_state(MESSAGE, "started")),
        ("person", events.resized(24, 80, 17)),
        ("rc", events.notice("warning", "watch out")),
        ("rc", events.turn_running()),
        ("agent", events.turn_idle("end_turn")),
        ("agent", events.agent_text("hello")),
    ],
)
def test_what_happened_is_told_and_taken(origin: str, update: dict[str, Any]) -> None:
    record = record_of(4, {"origin": origin, "turn": MESSAGE, "update": update})
    told = parse_record(record)
    assert isinstance(told, Told) and (told.number, told.turn) == (4, MESSAGE)
    assert told.update.items() <= update.items()


@pytest.mark.parametrize(
    ("origin", "update"),
    [
        ("rc", events.process("starting")),
        ("person", events.process("stopping", reason="stopped")),
        ("person", events.accepted("prompt", MESSAGE)),
        ("person", events.user_text("hi")),
        ("person", events.renamed("other")),
        ("agent", {"sessionUpdate": "user_message_chunk"}),
    ],
)
def test_what_the_box_has_written_itself_is_not(origin: str, update: dict[str, Any]) -> None:
    assert record_of(4, {"origin": origin, "update": update}) is None


def test_a_turn_is_named_where_there_is_one() -> None:
    record = record_of(4, {"origin": "agent", "update": events.agent_text("hello")})
    assert record is not None and "turn" not in record
