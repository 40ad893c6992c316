"""What a remote worker tells, read from frames that anybody may have written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.workerrecords import (
    MAX_DEPTH,
    MAX_OUTPUT,
    Begin,
    Done,
    Output,
    Ping,
    Record,
    Told,
    parse_frame,
    parse_record,
)
from workers.core.events import MAX_UPDATE
from workers.errors import Refused

RUN = "00000000-0000-4000-8000-000000000001"
CHUNK = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "hi"}}


def event(update: object, origin: str = "agent", **more: object) -> dict[str, Any]:
    return {"type": "event", "number": 1, "origin": origin, "update": update, **more}


def ours(kind: str, **fields: object) -> dict[str, Any]:
    return event({"sessionUpdate": f"_rc/{kind}", **fields}, "rc")


def refusal(value: object) -> str:
    with pytest.raises(Refused) as caught:
        parse_record(value)
    assert caught.value.code == "invalid"
    return caught.value.detail


def test_each_record_is_read() -> None:
    error = {"code": "not_running", "detail": "it has ended", "hint": "resume it"}
    done = parse_record({"type": "done", "number": 4, "error": error})
    assert isinstance(done, Done) and done.error is not None and done.error.code == "not_running"
    assert parse_record({"type": "begin", "run": RUN}) == Begin(RUN)
    assert parse_record({"type": "done", "number": 4}) == Done(4, None)
    assert parse_record({"type": "ping", "id": "p"}) == Ping("p")
    assert parse_record({"type": "terminal", "offset": 5, "data": "aGk="}) == Output(5, b"hi")
    assert parse_record(event(CHUNK, turn=RUN)) == Told(1, "agent", RUN, CHUNK)


def test_a_frame_is_json_or_output() -> None:
    assert parse_frame(json.dumps({"type": "ping", "id": "p"})) == Ping("p")
    assert parse_frame(b"\x01" + (7).to_bytes(8, "big") + b"hi") == Output(7, b"hi")
    for frame in (b"", b"\x02" + bytes(9), b"\x01" + bytes(8), b"\x01" + b"\xff" * 9, "{", "NaN", "[" * 50_000):
        with pytest.raises(Refused):
            parse_frame(frame)


@pytest.mark.parametrize(
    "told",
    [
        ours("process", state="running", pid=7, terminal_offset=0),
        ours("process", state="exited", code=3, signal=None, reason="ended", terminal_offset=9),
        ours("process", state="exited", code=None, signal=None, reason="launch_failed", detail="no such program"),
        ours("process", state="lost", code=None, signal=None, reason="rebooted"),
        ours("message_state", message_id=RUN, state="queued"),
        ours("resized", rows=24, columns=80, terminal_offset=3),
        ours("notice", level="info", text="hello"),
        event({"sessionUpdate": "state_update", "state": "running"}, "rc"),
        event({"sessionUpdate": "state_update", "state": "idle", "stopReason": "end_turn"}),
    ],
)
def test_what_local_workers_tell_of_a_session_remote_ones_may_tell_too(told: dict[str, Any]) -> None:
    assert isinstance(parse_record(told), Told)


@pytest.mark.parametrize(
    "update",
    [
        {"sessionUpdate": "user_message_chunk", "content": {"type": "text", "text": "rm -rf"}},
        {"sessionUpdate": "_rc/approval", "id": "a", "state": "allowed"},
        {"sessionUpdate": "_rc/command", "kind": "prompt"},
        {"sessionUpdate": "_rc/renamed", "name": "other"},
        {"sessionUpdate": "_rc/archived"},
        {"sessionUpdate": "_rc/conversation_reset"},
        {"sessionUpdate": ["_rc/process"]},
        {},
    ],
)
@pytest.mark.parametrize("origin", ["agent", "rc"])
def test_nobody_there_speaks_as_a_person_or_settles_what_people_settle(update: object, origin: str) -> None:
    assert "a worker tells no such update" in refusal(event(update, origin))


def test_an_agent_does_not_speak_of_the_session_itself() -> None:
    assert "no such update as agent" in refusal(event({"sessionUpdate": "_rc/process", "state": "running"}))
    assert "does not speak as a person" in refusal(event(CHUNK, "person"))


@pytest.mark.parametrize(
    "value",
    [
        *(None, 1, [], {}, {"type": "x"}, {"type": ["event"]}, {"type": "begin"}, {"type": "begin", "run": "1"}),
        *({"type": "begin", "run": RUN, "more": 1}, {"type": "begin", "run": RUN.replace("a", "A").upper() + "A"}),
        *(event(CHUNK) | {"number": each} for each in (0, -1, True, 1.0, "1", None, 1 << 60)),
        *(event(CHUNK, turn=turn) for turn in (1, "x", "")),
        *({**event(CHUNK), "update": update} for update in (None, [1], "x")),
        *(event(CHUNK, by={"person": "owner"}), event(CHUNK, via="person"), event(CHUNK, at="2026-01-01T00:00:00Z")),
        *({"type": "terminal", "offset": 0, "data": data} for data in ("", "%", 1, None, "aGk")),
        *({"type": "terminal", "offset": offset, "data": "aGk="} for offset in (-1, True, "0", 1 << 60)),
        *({"type": "done", "number": number} for number in (-1, "4", True)),
        *({"type": "done", "number": 4, "error": error} for error in (1, {}, {"code": "A B"}, {"code": "x"})),
        {"type": "done", "number": 4, "error": {"code": "x", "detail": "d" * 5000, "hint": ""}},
        *({"type": "ping", "id": id} for id in ("", 1, "x" * 65)),
        ours("process", state="stopping"),
        ours("process", state="exited", code=0),
        ours("process", state="running", by="owner"),
        ours("process"),
        *(ours("process", state="exited", reason="ended", code=code) for code in (256, -1, "0", True)),
        ours("process", state="exited", reason="expired"),
        ours("message_state", message_id="x", state="queued"),
        *(ours("resized", rows=rows, columns=80) for rows in (0, 1001, True, "24")),
        ours("notice", level="info", text="x" * 5000),
        ours("notice", level="loud", text="x"),
        event({"sessionUpdate": "state_update", "state": "waiting_for_approval"}),
    ],
)
def test_everything_else_is_refused(value: object) -> None:
    refusal(value)


def test_no_record_is_larger_than_what_goes_on_to_people() -> None:
    text = "ü" * (MAX_UPDATE // 2 - 200)
    assert isinstance(parse_record(event({**CHUNK, "more": text})), Told)
    assert "octets" in refusal(event({**CHUNK, "more": text + "x" * 400}))
    assert parse_frame(b"\x01" + bytes(8) + b"x" * MAX_OUTPUT) == Output(0, b"x" * MAX_OUTPUT)
    with pytest.raises(Refused, match="octets go at once"):
        parse_frame(b"\x01" + bytes(8) + b"x" * (MAX_OUTPUT + 1))


def test_a_number_that_would_break_every_reader_is_refused() -> None:
    for number in ("1e999", "-1e999"):
        said = json.dumps(event({**CHUNK, "more": "HERE"}))
        with pytest.raises(Refused, match="no reader of JSON"):
            parse_frame(said.replace('"HERE"', number))
    assert isinstance(parse_record(event({**CHUNK, "more": "\ud800"})), Told)


def test_an_update_has_a_bottom() -> None:
    deep: object = "x"
    for _ in range(MAX_DEPTH - 2):
        deep = [deep]
    assert isinstance(parse_record(event({**CHUNK, "more": deep})), Told)
    assert "levels" in refusal(event({**CHUNK, "more": [deep]}))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["_rc/process", "rc", RUN]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(["number", "origin", "update", "turn", "run", "offset", "data", "error", "id"])
kinds = st.sampled_from(["begin", "event", "terminal", "done", "ping"])


@given(kinds, st.dictionaries(fields, anything, max_size=4))
def test_whatever_comes_is_read_or_refused(kind: str, told: dict[str, object]) -> None:
    try:
        found: Record = parse_record({"type": kind, **told})
    except Refused as refused:
        assert refused.code == "invalid"
    else:
        assert found


def test_a_repr_leaves_out_what_an_agent_said() -> None:
    for record in (Told(7, "agent", None, {"title": "private"}), Output(7, b"private")):
        assert "7" in repr(record) and "private" not in repr(record)
