"""Events in words."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.cli.narrating import Narrator, log_line, said

AT = "2026-03-01T12:34:56.789Z"


def event(update: dict[str, Any], origin: str = "agent", by: str | None = None) -> dict[str, Any]:
    told = {"by": {"person": by, "device": None}} if by else {}
    return {"type": "event", "seq": 7, "at": AT, "origin": origin, **told, "update": update}


def chunk(kind: str, text: str) -> dict[str, Any]:
    return {"sessionUpdate": f"{kind}_chunk", "content": {"type": "text", "text": text}}


@pytest.mark.parametrize(
    ("update", "by", "words"),
    [
        (chunk("agent_message", "hi"), None, "agent: hi"),
        (chunk("agent_thought", "hm"), None, "agent thinks: hm"),
        (chunk("user_message", "do"), "ana", "ana: do"),
        (chunk("user_message", "do"), None, "somebody: do"),
        ({"sessionUpdate": "agent_message_chunk", "content": {"type": "image"}}, None, "agent: [image]"),
        ({"sessionUpdate": "agent_message_chunk"}, None, "agent: "),
        ({"sessionUpdate": "tool_call", "title": "ls", "status": "pending"}, None, "tool ls pending"),
        ({"sessionUpdate": "tool_call_update", "toolCallId": "t1"}, None, "tool t1"),
        ({"sessionUpdate": "plan", "entries": [1, 2]}, None, "plan of 2 steps"),
        ({"sessionUpdate": "state_update", "state": "idle", "stopReason": "end_turn"}, None, "idle"),
        ({"sessionUpdate": "state_update", "state": "idle", "stopReason": "cancelled"}, None, "idle (cancelled)"),
        ({"sessionUpdate": "_rc/process", "state": "starting"}, None, "starting"),
        ({"sessionUpdate": "_rc/process", "state": "running", "pid": 5}, None, "running, pid 5"),
        ({"sessionUpdate": "_rc/process", "state": "running", "pid": None}, None, "running"),
        ({"sessionUpdate": "_rc/process", "state": "exited", "code": 3, "reason": "ended"}, None, "exited: exit 3"),
        (
            {"sessionUpdate": "_rc/process", "state": "exited", "reason": "launch_failed", "detail": "no x"},
            None,
            "exited: its command could not be started (no x)",
        ),
        ({"sessionUpdate": "_rc/command", "kind": "take_lease"}, "ana", "ana asked: take lease"),
        ({"sessionUpdate": "_rc/message_state", "state": "queued"}, None, "message queued"),
        ({"sessionUpdate": "_rc/resized", "rows": 4, "columns": 5}, None, "resized to 4 rows, 5 columns"),
        ({"sessionUpdate": "_rc/notice", "level": "warning", "text": "x"}, None, "warning: x"),
        ({"sessionUpdate": "_rc/renamed", "name": "n"}, "ana", "ana renamed to n"),
        ({"sessionUpdate": "_rc/conversation_reset"}, None, "conversation reset"),
        ({"sessionUpdate": "plan", "truncated": {"bytes": 9}}, None, "plan of 0 steps […9 octets in all]"),
    ],
)
def test_every_kind_of_event_has_its_words(update: dict[str, Any], by: str | None, words: str) -> None:
    assert said(event(update, by=by)) == words


def test_a_line_of_the_log_has_number_and_time() -> None:
    assert log_line(event(chunk("agent_message", "hi"))) == "     7  12:34:56.789  agent: hi"


def test_chunks_of_one_speaker_are_one_text() -> None:
    narrator = Narrator()
    told = [narrator.tell(event(chunk("agent_message", text))) for text in ("Hel", "lo\n", "you")]
    assert "".join(told) + narrator.close() == "Hello\nyou\n"


def test_another_speaker_begins_a_line() -> None:
    narrator = Narrator()
    told = narrator.tell(event(chunk("agent_thought", "hm")))
    told += narrator.tell(event(chunk("agent_message", "yes")))
    told += narrator.tell(event(chunk("user_message", "and?"), by="ana"))
    told += narrator.tell(event({"sessionUpdate": "_rc/notice", "level": "info", "text": "n"}))
    assert told == "hm\nyes\n> ana: and?\n[info: n]\n"


def test_what_was_typed_here_is_not_shown_again_but_once() -> None:
    narrator = Narrator()
    narrator.typed_here("go")
    mine = event(chunk("user_message", "go"), by="ana")
    assert narrator.tell(mine) == ""
    assert narrator.tell(mine) == "> ana: go\n"


def test_the_end_of_a_turn_ends_the_line() -> None:
    narrator = Narrator()
    told = narrator.tell(event(chunk("agent_message", "done")))
    told += narrator.tell(event({"sessionUpdate": "state_update", "state": "idle"}))
    told += narrator.tell(event({"sessionUpdate": "_rc/message_state", "state": "completed"}))
    assert told == "done\n"


def test_a_process_that_ends_is_told_and_one_that_starts_is_not() -> None:
    narrator = Narrator()
    assert narrator.tell(event({"sessionUpdate": "_rc/process", "state": "running"})) == ""
    ended = {"sessionUpdate": "_rc/process", "state": "exited", "code": 0, "reason": "ended"}
    assert narrator.tell(event(ended)) == "[exited: exit 0]\n"
