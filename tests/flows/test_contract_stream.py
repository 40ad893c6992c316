"""What is promised of a session's stream: frames, resuming, the lease, commands, limits, the goodbye."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import struct
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.flows.boxprocess import BoxProcess, box_process
from tests.flows.rawstream import RawStream
from tests.waiting import until

SESSIONS = "/v1/code/sessions"
LIMIT = 256 << 10


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoxProcess]:
    home = tmp_path_factory.mktemp("box")
    (home / "app").mkdir()
    with box_process(home, home / "app") as process:
        yield process.start("--no-create-session-in-dir")


def stream(box: BoxProcess, id: str, query: str = "") -> RawStream:
    return RawStream(box.connect(), f"{SESSIONS}/{id}/stream?{query}")


def cat(box: BoxProcess) -> str:
    """A session that gives back what is typed, and has printed `begin`."""
    made = str(box.new("sh", "-c", "stty -echo; printf begin; exec cat")["id"])
    until(lambda: box.output(made) == b"begin")
    return made


def ask(client: RawStream, id: str, **command: object) -> dict[str, Any]:
    """The answer to one command."""
    client.say(type="command", id=id, command=command)
    client.until(lambda: answers(client, id))
    return answers(client, id)[0]


def answers(client: RawStream, id: str) -> list[dict[str, Any]]:
    return [m for m in client.messages if m["type"] in ("ack", "refused") and m["id"] == id]


def close_code(client: RawStream) -> str:
    with pytest.raises(ConnectionError) as closed:
        client.until(lambda: False)
    return str(closed.value)


def test_hello_comes_first_and_then_what_was_asked_for(box: BoxProcess) -> None:
    made = cat(box)
    with stream(box, made, "after=0&terminal_after=2") as client:
        client.until(lambda: client.of("event") and client.terminal)
        hello = client.messages[0]
        assert (hello["type"], hello["protocol"], hello["epoch"], hello["role"]) == ("hello", 1, 1, "owner")
        assert hello["session"]["id"] == made and hello["history"] == hello["session"]["history"]
        assert (client.begins, bytes(client.terminal)) == (2, b"gin")
        assert client.of("event")[0]["seq"] == 1
        assert b"Sec-WebSocket-Protocol: rc.v1" in client.head


def test_a_snapshot_is_announced_and_has_a_size(box: BoxProcess) -> None:
    with stream(box, cat(box)) as client:
        client.until(lambda: client.terminal)
        kinds = [message["type"] for message in client.messages]
        assert kinds == ["hello", "lease", "screen", "size"]
        assert client.of("screen")[0]["live_at"] == client.end == 5
        assert client.of("size")[0] == {"type": "size", "rows": 24, "columns": 80}


def test_another_history_begins_anew(box: BoxProcess) -> None:
    with stream(box, cat(box), "history=other&after=1") as client:
        client.until(lambda: client.of("history_changed"))
        (changed,), hello = client.of("history_changed"), client.messages[0]
        assert (changed["last_seq"], changed["terminal_offset"]) == (hello["last_seq"], 5)
        assert changed["history"] == hello["history"]


@pytest.mark.parametrize("query", ["after=x", "after=-1", "catch_up=some", "what=1", "terminal_after=x"])
def test_a_query_that_means_nothing_is_refused_before_the_upgrade(box: BoxProcess, query: str) -> None:
    with stream(box, cat(box), query) as client:
        assert client.status == 422


def test_a_session_that_is_not_there_is_404_before_the_upgrade(box: BoxProcess) -> None:
    with stream(box, "session_none") as client:
        assert client.status == 404


def test_an_offset_above_the_end_is_refused_on_the_line(box: BoxProcess) -> None:
    with stream(box, cat(box), "terminal_after=99") as client:
        client.until(lambda: client.of("refused"))
        assert client.of("refused")[0]["error"]["code"] == "invalid"


def test_one_types_and_the_others_see_who(box: BoxProcess) -> None:
    made = cat(box)
    with stream(box, made) as mine, stream(box, made) as other:
        mine.type(b"one\n")
        other.until(lambda: b"one\r\n" in other.terminal)
        holder = other.of("lease")[-1]
        assert holder["holder"].keys() == {"person", "device", "connection"} and holder["until"].endswith("Z")
        other.type(b"two\n")
        other.type(b"three\n")
        other.until(lambda: other.of("refused"))
        refused = other.of("refused")[0]
        assert (refused["id"], refused["error"]["code"]) == (None, "lease_held")
        assert {"by", "until"} <= refused["error"].keys()
        status, problem = box.call("POST", f"{SESSIONS}/{made}/commands", {"kind": "prompt", "text": "four"})
        assert (status, problem["code"]) == (409, "lease_held")
        assert ask(other, "t", kind="take_lease")["type"] == "ack"
        assert ask(mine, "p", kind="prompt", text="five")["error"]["code"] == "lease_held"
        assert ask(other, "p", kind="prompt", text="six")["type"] == "ack"
        other.until(lambda: b"six" in other.terminal)
        assert ask(other, "r", kind="release_lease")["type"] == "ack"
        mine.until(lambda: mine.of("lease")[-1]["holder"] is None)
        assert box.call("POST", f"{SESSIONS}/{made}/commands", {"kind": "prompt", "text": "seven"})[0] == 200
        mine.until(lambda: b"seven" in mine.terminal)
        assert b"two" not in mine.terminal and b"three" not in mine.terminal and b"four" not in mine.terminal
        assert len(other.of("refused")) == 1  # of keys at most one a second


def test_a_command_is_on_record_and_carried_out_once(box: BoxProcess) -> None:
    made = cat(box)
    id = str(uuid4())
    with stream(box, made) as one, stream(box, made) as two:
        first = ask(one, "a", kind="prompt", text="once", message_id=id)
        assert ask(two, "b", kind="prompt", text="once", message_id=id) == {**first, "id": "b"}
        one.until(lambda: b"once" in one.terminal)
    (event,) = [each for each in events(box, made) if each["seq"] == first["seq"]]
    assert event["update"] == {"sessionUpdate": "_rc/command", "kind": "prompt", "message_id": id}
    assert (event["origin"], event["by"]) == ("person", {"person": "owner", "device": None})


def events(box: BoxProcess, id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = box.call("GET", f"{SESSIONS}/{id}/events?after=0")[1]["events"]
    return found


def test_a_size_goes_to_all_with_its_event(box: BoxProcess) -> None:
    made = cat(box)
    with stream(box, made) as one, stream(box, made, "terminal_after=5") as two:
        two.until(lambda: two.of("lease"))  # which comes when all of the beginning has been read
        assert ask(one, "s", kind="resize", rows=10, columns=20)["type"] == "ack"
        two.until(lambda: two.of("size"))
        assert two.of("size") == [{"type": "size", "rows": 10, "columns": 20}]
        resized = {"sessionUpdate": "_rc/resized", "rows": 10, "columns": 20, "terminal_offset": 5}
        assert resized in [event["update"] for event in two.of("event")]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"type":"what"}', '{"type":"command"}', '{"type":"ping"}', '{"type":"credit"}']
)
def test_nonsense_is_refused_and_the_line_stays(box: BoxProcess, text: str) -> None:
    with stream(box, cat(box)) as client:
        client._send(1, text.encode())
        client._send(2, b"")
        client._send(2, b"\x07keys")
        client.say(type="command", id="k", command={"kind": "set_mode", "mode": "x"})
        client.say(type="ping", id="p")
        client.until(lambda: client.of("pong"))
        assert [(m["id"], m["error"]["code"]) for m in client.of("refused")] == [(None, "invalid")] * 4


@pytest.mark.parametrize("opcode", [1, 2])
def test_what_is_too_large_closes_the_line_with_1009(box: BoxProcess, opcode: int) -> None:
    with stream(box, cat(box)) as client:
        head = struct.pack(">BBQ", 0x80 | opcode, 255, LIMIT + 1) + bytes(4)
        with contextlib.suppress(OSError):
            client._socket.sendall(head + b"x" * (LIMIT + 1))
        assert "1009" in close_code(client)


def test_text_that_is_no_text_costs_that_line_alone(box: BoxProcess) -> None:
    made = cat(box)
    with stream(box, made) as broken, stream(box, made) as other:
        broken._send(1, b"\xff\xfe")
        close_code(broken)
        other.say(type="ping", id="p")
        other.until(lambda: other.of("pong"))
    assert "Traceback" not in box.log.read_text()


def test_a_deleted_session_says_goodbye_for_good(box: BoxProcess) -> None:
    made = cat(box)
    with stream(box, made) as client:
        client.until(lambda: client.terminal)
        assert box.call("POST", f"{SESSIONS}/{made}/stop")[0] == 200
        assert box.call("DELETE", f"{SESSIONS}/{made}")[0] == 200
        close_code(client)
        assert client.of("bye") == [{"type": "bye", "reason": "session_deleted", "retry": False}]


def test_a_lease_ends_with_its_session_and_then_nothing_runs(box: BoxProcess) -> None:
    made = str(box.new("sh", "-c", "read line")["id"])
    with stream(box, made) as ana, stream(box, made) as ben:
        ana.type(b"x")
        ben.hear("lease", lambda lease: lease["holder"])
        ana.type(b"\n")
        for client in (ana, ben):
            client.hear("event", lambda event: event["update"].get("state") == "exited")
            client.hear("lease", lambda lease: lease["holder"] is None)
        for client in (ana, ben):
            client.type(b"y")
            assert client.hear("refused")["error"]["code"] == "not_running"
        assert ask(ben, "1", kind="take_lease")["error"]["code"] == "not_running"
        status, problem = box.call("POST", f"{SESSIONS}/{made}/commands", {"kind": "prompt", "text": "ls"})
        assert (status, problem["code"]) == (409, "not_running")


@pytest.mark.parametrize(
    ("octets", "code"),
    [(b"\x81\x82" + bytes(4) + b"\xff\xfe", 1007), (b"\x81\x02hi", 1002), (b"\xc1\x82" + bytes(4) + b"hi", 1002)],
)
def test_what_is_no_websocket_is_closed_with_the_reason(box: BoxProcess, octets: bytes, code: int) -> None:
    with box.connect() as connection:
        client = RawStream(connection, f"{SESSIONS}/{cat(box)}/stream")
        connection.sendall(octets)
        assert close_code(client) == f"closed with {code}"


def test_numbers_above_the_last_are_refused_and_it_goes_on_live(box: BoxProcess) -> None:
    made = cat(box)
    with stream(box, made, "after=1000&terminal_after=1000") as client:
        client.until(lambda: len(client.of("refused")) == 2)
        last = client.of("hello")[0]["last_seq"]
        assert [told["error"]["end"] for told in client.of("refused")] == [last, 5]
        seq = ask(client, "1", kind="prompt", text="live")["seq"]
        client.until(lambda: client.of("event") and client.terminal)
        assert client.of("event")[0]["seq"] == seq == last + 1


def test_server_sent_events_carry_the_same_and_resume_by_their_id(box: BoxProcess) -> None:
    made = cat(box)
    status, lines = sse(box, made, "after=0&terminal_after=0", {}, b"terminal")
    told = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    ids = [line.removeprefix("id: ") for line in lines if line.startswith("id: ")]
    assert (status, told[0]["type"]) == (200, "hello")
    (output,) = [each for each in told if each["type"] == "terminal"]
    assert (output["offset"], base64.b64decode(output["data"])) == (0, b"begin")
    last = told[0]["last_seq"]
    assert ids[-1] == f"{last}:5"
    _, again = sse(box, made, "after=0&terminal_after=0", {"Last-Event-ID": f"{last - 1}:3"}, b"terminal")
    data = [json.loads(line.removeprefix("data: ")) for line in again if line.startswith("data: ")]
    assert [each["seq"] for each in data if each["type"] == "event"] == [last]
    assert [each["offset"] for each in data if each["type"] == "terminal"] == [3]


def sse(box: BoxProcess, id: str, query: str, headers: dict[str, str], end: bytes) -> tuple[int, list[str]]:
    """The lines of a stream up to the one that has `end` as its type."""
    connection = http.client.HTTPConnection("box", timeout=20)
    connection.sock = box.connect()
    with contextlib.closing(connection):
        connection.request("GET", f"{SESSIONS}/{id}/stream?{query}", headers={"Accept": "text/event-stream", **headers})
        answer = connection.getresponse()
        lines: list[str] = []
        while not lines or f'"type":"{end.decode()}"' not in lines[-1]:
            lines.append(answer.readline().decode().rstrip("\n"))
        return answer.status, lines


def test_the_box_tells_of_its_sessions_whole(box: BoxProcess) -> None:
    with RawStream(box.connect(), "/v1/stream") as client:
        client.until(lambda: client.of("hello"))
        assert client.messages[0].keys() >= {"box", "sessions", "approvals"}
        made = cat(box)
        client.until(lambda: [m for m in client.of("session") if m["session"]["id"] == made])
        box.call("PATCH", "/v1/box", {"capacity": 31})
        client.until(lambda: [m for m in client.of("box") if m["box"]["capacity"] == 31])
        box.call("POST", f"{SESSIONS}/{made}/stop")
        box.call("DELETE", f"{SESSIONS}/{made}")
        client.until(lambda: client.of("session_gone"))
        assert client.of("session_gone") == [{"type": "session_gone", "id": made}]


def test_the_agent_inside_does_what_its_words_say(box: BoxProcess) -> None:
    made = str(box.call("POST", SESSIONS, {"agent": "echo"})[1]["id"])
    waits, queued, repeats = (str(uuid4()) for _ in range(3))
    with stream(box, made, "after=0") as client:
        ask(client, "1", kind="prompt", text="wait 60", message_id=waits)
        ask(client, "2", kind="prompt", text="never said", message_id=queued)
        ask(client, "3", kind="cancel_message", message_id=queued)
        ask(client, "4", kind="interrupt")
        ask(client, "5", kind="prompt", text="repeat 3 yo", message_id=repeats)
        client.until(lambda: (repeats, "completed") in states(client))
        assert [state for id, state in states(client) if id == waits][-1] == "cancelled"
        assert [state for id, state in states(client) if id == queued] == ["queued", "cancelled"]
        assert [state for id, state in states(client) if id == repeats][-2:] == ["started", "completed"]
        said = [u["content"]["text"] for u in updates(client) if u["sessionUpdate"] == "agent_message_chunk"]
        assert said == ["yo", "yo", "yo"]
        ask(client, "6", kind="prompt", text="die 7")
        client.until(lambda: updates(client)[-1].get("state") == "exited")
        assert (updates(client)[-1]["code"], updates(client)[-1]["reason"]) == (7, "ended")
        assert [event["seq"] for event in client.of("event")] == list(range(1, len(client.of("event")) + 1))


def updates(client: RawStream) -> list[dict[str, Any]]:
    return [event["update"] for event in client.of("event")]


def states(client: RawStream) -> list[tuple[str, str]]:
    return [(u["message_id"], u["state"]) for u in updates(client) if u["sessionUpdate"] == "_rc/message_state"]


def test_a_box_that_stops_says_so_to_everybody(box: BoxProcess) -> None:
    made = cat(box)
    with stream(box, made) as client, RawStream(box.connect(), "/v1/stream") as watcher:
        client.until(lambda: client.terminal)
        watcher.until(lambda: watcher.of("hello"))
        assert box.end() == 0
        for each in (client, watcher):
            assert "1012" in close_code(each)
            assert each.of("bye") == [{"type": "bye", "reason": "supervisor_stopping", "retry": True}]
    box.start()
    assert box.session(made)["state"] == "running"
