from __future__ import annotations

import hashlib
import json
from typing import Any

from workers.core import events
from workers.core.events import MAX_UPDATE, body_of, client_frame, fit, now_text

BY = {"person": "ana", "device": None}


def test_a_client_frame_is_the_body_with_number_and_time_in_front() -> None:
    body = body_of(events.agent_text("grüße"), "agent", turn="t1")
    frame = json.loads(client_frame(43, 1_700_000_000_123_456_789, body))
    assert frame == {
        "type": "event",
        "seq": 43,
        "at": "2023-11-14T22:13:20.123Z",
        "origin": "agent",
        "turn": "t1",
        "update": {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "grüße"}},
    }


def test_a_body_says_what_came_by_the_bridge_and_what_the_box_finds_again_of_it() -> None:
    body = json.loads(body_of(events.agent_text("hi"), "agent", worker={"number": 7}))
    assert (body["via"], body["worker"], list(body)[-1]) == ("bridge", {"number": 7}, "update")


def test_a_body_leaves_out_what_nobody_did_and_no_turn_holds() -> None:
    assert json.loads(body_of(events.archived(), "rc")) == {
        "origin": "rc",
        "update": {"sessionUpdate": "_rc/archived"},
    }
    assert json.loads(body_of(events.restored(), "person", BY))["by"] == BY


def test_times_have_milliseconds_and_are_cut_not_rounded() -> None:
    assert now_text(0) == "1970-01-01T00:00:00.000Z"
    assert now_text(999_999_999) == "1970-01-01T00:00:00.999Z"
    assert now_text(1_000_000) == "1970-01-01T00:00:00.001Z"


def test_updates_have_the_shapes_of_the_interface() -> None:
    assert events.process("exited", code=3, signal=None) == {
        "sessionUpdate": "_rc/process",
        "state": "exited",
        "code": 3,
        "signal": None,
    }
    assert events.accepted("stop", None) == {"sessionUpdate": "_rc/command", "kind": "stop"}
    assert events.accepted("prompt", "m")["message_id"] == "m"
    assert events.message_state("m", "queued")["state"] == "queued"
    assert events.resized(24, 80, 7)["terminal_offset"] == 7
    assert events.renamed("n")["name"] == "n"
    assert events.notice("info", "t") == {"sessionUpdate": "_rc/notice", "level": "info", "text": "t"}
    assert events.user_text("t")["sessionUpdate"] == "user_message_chunk"
    assert events.turn_running()["state"] == "running"
    assert events.turn_idle() == {"sessionUpdate": "state_update", "state": "idle"}
    assert events.turn_idle("end_turn")["stopReason"] == "end_turn"


def test_an_update_that_fits_stays_as_it_is() -> None:
    update = events.agent_text("x" * (MAX_UPDATE - 200))
    assert fit(update) == (update, None)


def test_a_long_text_is_cut_and_the_whole_is_kept_beside_it() -> None:
    update = events.agent_text("ü" * 300_000)
    cut, blob = fit(update)
    assert blob is not None
    assert json.loads(blob.data) == update
    assert hashlib.sha256(blob.data).hexdigest() == blob.sha256
    assert cut["truncated"] == {"bytes": len(blob.data), "sha256": blob.sha256}
    assert cut["sessionUpdate"] == "agent_message_chunk"
    assert set(cut["content"]["text"]) == {"ü"}
    assert MAX_UPDATE // 2 < len(body_of(cut, "agent")) < MAX_UPDATE + 200


def test_long_strings_are_cut_wherever_they_are() -> None:
    update: dict[str, Any] = {
        "sessionUpdate": "tool_call",
        "toolCallId": "c1",
        "content": [{"text": "x" * 200_000}, {"text": "y" * 200_000}, 7, None],
    }
    cut, _ = fit(update)
    assert cut["toolCallId"] == "c1"
    assert cut["content"][0]["text"].startswith("xxx")
    assert cut["content"][1]["text"].startswith("yyy")
    assert cut["content"][2:] == [7, None]


def test_an_update_without_long_strings_keeps_its_kind_and_its_name() -> None:
    cut, blob = fit({"sessionUpdate": "plan", "entries": list(range(100_000))})
    assert blob is not None
    assert cut == {"sessionUpdate": "plan", "truncated": {"bytes": len(blob.data), "sha256": blob.sha256}}


def test_half_a_surrogate_pair_is_told_as_an_escape() -> None:
    body = events.body_of(events.notice("error", "no workspace /\udcff"), "rc")
    assert b"/\\udcff" in body
    assert json.loads(body)["update"]["text"] == "no workspace /\udcff"
