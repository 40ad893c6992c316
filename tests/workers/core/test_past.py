from __future__ import annotations

import json

from workers.core import events
from workers.core.past import REMEMBERED, Past


def told(past: Past, *updates: events.Update) -> Past:
    for update in updates:
        past.read(past.last_seq + 1, events.body_of(update, "rc"))
    return past


def test_a_new_session_has_no_past() -> None:
    past = Past()
    assert (past.last_seq, past.size, past.unfinished, past.seq_of("m")) == (0, None, (), None)


def test_ids_of_accepted_commands_are_known_again() -> None:
    past = told(Past(), events.process("starting"), events.accepted("prompt", "m"), events.accepted("stop", None))
    assert past.last_seq == 3
    assert past.seq_of("m") == 2


def test_the_target_of_a_cancellation_is_not_an_id_of_its_own() -> None:
    assert told(Past(), events.accepted("cancel_message", "m")).seq_of("m") is None


def test_the_oldest_ids_are_forgotten_first() -> None:
    past = Past()
    for number in range(REMEMBERED + 1):
        past.remember(str(number), number)
    assert past.seq_of("0") is None
    assert past.seq_of("1") == 1
    assert past.seq_of(str(REMEMBERED)) == REMEMBERED


def test_prompts_that_were_cut_short_are_found() -> None:
    past = told(
        Past(),
        events.message_state("a", "queued"),
        events.message_state("b", "started"),
        events.message_state("a", "started"),
        events.message_state("b", "completed"),
        events.message_state("c", "cancelled"),
    )
    assert past.unfinished == ("a",)


def test_the_last_size_is_remembered() -> None:
    assert told(Past(), events.resized(30, 90, 0), events.resized(40, 100, 7)).size == (40, 100)


def test_what_an_agent_says_about_us_is_only_talk() -> None:
    past = told(Past(), events.agent_text('{"sessionUpdate":"_rc/resized","rows":1}'))
    assert (past.last_seq, past.size) == (1, None)
    past.read(2, json.dumps({"origin": "agent", "update": {"sessionUpdate": "plan"}}).encode())
    past.read(3, json.dumps({"origin": "agent", "update": {"sessionUpdate": "_rc/resized"}}).encode())
    past.read(4, json.dumps({"origin": "agent", "update": events.accepted("prompt", "m")}).encode())
    assert (past.last_seq, past.size, past.seq_of("m")) == (4, None, None)
