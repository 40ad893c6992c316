"""`rc logs`."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.supervisor.cli.conftest import Rc
from tests.supervisor.cli.oddbox import Asked, OddBox, Reply
from tests.supervisor.web.boxes import ServedBox

ONE = "session_0b9c1111-1111-4111-8111-111111111111"
PATH = f"/v1/code/sessions/{ONE}"


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_events_have_a_line_each(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    rc("send", made["name"], "hello", "--wait")
    told = rc("logs", made["name"]).out.splitlines()
    assert [line.split()[0] for line in told] == [str(number) for number in range(1, len(told) + 1)]
    assert any(line.endswith("  owner: hello") for line in told)


def test_json_is_the_answer_of_the_route(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    rc("send", made["name"], "hello", "--wait")
    answer = rc("logs", made["name"], "--json").json
    assert answer == box.ask("GET", f"/v1/code/sessions/{made['id']}/events?limit=1000").json
    last = answer["last_seq"]
    assert [each["seq"] for each in rc("logs", made["name"], "--after", str(last - 1), "--json").json["events"]] == [
        last
    ]


def test_following_prints_one_event_a_line_until_the_end(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo", prompt="die 3")
    rc("wait", made["name"], "--until", "exit")
    followed = rc("logs", made["name"], "-f", "--json")
    assert followed.code == 0
    events = lines(followed.out)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["update"]["code"] == 3


def test_following_goes_on_while_it_runs(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo", prompt="wait 0.3")
    rc("send", made["name"], "die 0")
    assert "exited: exit 0" in rc("logs", made["name"], "--follow").out


def test_what_was_printed_is_shown_and_with_raw_it_is_as_it_was(box: ServedBox, rc: Rc) -> None:
    made = box.new(command=["printf", "\\033[31mred\\033[0m\\nnext\\n"])
    rc("wait", made["name"], "--until", "exit")
    assert rc("logs", made["name"], "--terminal").out == "\\x1b[31mred\\x1b[0m\nnext\n"
    assert rc("logs", made["name"], "--terminal", "--raw").out == "\x1b[31mred\x1b[0m\r\nnext\r\n"
    assert rc("logs", made["name"], "--terminal", "--raw", "--after", "5").out == "red\x1b[0m\r\nnext\r\n"
    (piece,) = lines(rc("logs", made["name"], "--terminal", "--json").out)
    assert (piece["offset"], base64.b64decode(piece["data"])) == (0, b"\x1b[31mred\x1b[0m\r\nnext\r\n")


def test_following_a_terminal_ends_with_its_last_octet(box: ServedBox, rc: Rc) -> None:
    made = box.new(command=["sh", "-c", "echo one; sleep 0.3; echo two"])
    assert rc("logs", made["name"], "--terminal", "-f", "--raw").out == "one\r\ntwo\r\n"
    assert rc("logs", made["name"], "--terminal", "-f").out == "one\ntwo\n"


def test_a_conversation_has_no_terminal(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    assert rc("logs", made["name"], "--terminal").code == 2


def test_text_of_many_lines_stays_under_its_margin(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    rc("send", made["name"], "two\nlines", "--wait")
    assert "agent: two\n" + " " * 22 + "lines\n" in rc("logs", made["name"]).out


def event(seq: int, **update: object) -> dict[str, Any]:
    return {"type": "event", "seq": seq, "at": "2026-03-01T12:34:56.789Z", "origin": "agent", "update": update}


def session(odd: OddBox, **facts: object) -> dict[str, Any]:
    shown = {"id": ONE, "name": "fix", "state": "running", "terminal": None, **facts}
    odd.answer("GET", PATH, shown)
    return shown


def test_all_pages_are_read_up_to_what_was_the_end(odd: OddBox, odd_rc: Rc) -> None:
    session(odd)

    def page(asked: Asked) -> Reply:
        after = int(asked.query["after"])
        gap = {"gap": {"from": 1, "to": 2}} if after == 0 else {}
        events = [event(max(after, 2) + 1, sessionUpdate="x\x1b")]
        return Reply(json.dumps({"events": events, "last_seq": 4 + after, **gap}).encode())

    odd.answers["GET", f"{PATH}/events"] = page
    called = odd_rc("logs", ONE)
    assert called.err == "rc: events 1 to 2 are no longer kept\n"
    assert called.out == "     3  12:34:56.789  x\\x1b\n     4  12:34:56.789  x\\x1b\n"
    assert odd_rc("logs", ONE, "--raw").out.count("\x1b") == 2
    answer = odd_rc("logs", ONE, "--json").json
    assert [each["seq"] for each in answer["events"]] == [3, 4]
    assert answer["gap"] == {"from": 1, "to": 2}


def test_a_gap_in_what_is_followed_is_told(odd: OddBox, odd_rc: Rc) -> None:
    shown = session(odd, state="exited")
    hello = {"type": "hello", "last_seq": 9, "session": shown}
    odd.events(f"{PATH}/stream", hello, {"type": "gap", "from": 1, "to": 9})
    assert odd_rc("logs", ONE, "-f").err == "rc: events 1 to 9 are no longer kept\n"


def test_a_session_that_is_resumed_is_followed_on(odd: OddBox, odd_rc: Rc) -> None:
    shown = session(odd)
    states = [event(n, sessionUpdate="_rc/process", state=s) for n, s in ((1, "exited"), (2, "starting"), (3, "lost"))]
    for hello in (
        {"type": "hello", "last_seq": 3, "session": {**shown, "state": "lost"}},
        {"type": "hello", "last_seq": 2, "session": shown},
    ):
        odd.events(f"{PATH}/stream", hello, *states)
        assert len(lines(odd_rc("logs", ONE, "-f", "--json").out)) == 3


def test_output_that_is_no_longer_kept_is_told(odd: OddBox, odd_rc: Rc) -> None:
    shown = session(odd, terminal={"start": 4, "offset": 6, "rows": 1, "columns": 1}, state="exited")
    odd.answers["GET", f"{PATH}/terminal"] = Reply(b"ab", headers={"Rc-Terminal-Start": "4", "Rc-Terminal-End": "6"})
    called = odd_rc("logs", ONE, "--terminal")
    assert (called.out, called.err) == ("ab", "rc: the output from 0 to 4 is no longer kept\n")
    hello = {"type": "hello", "last_seq": 3, "session": shown}
    piece = {"type": "terminal", "offset": 4, "data": base64.b64encode(b"ab").decode()}
    odd.events(f"{PATH}/stream", hello, {"type": "terminal_gap", "from": 0, "to": 4}, piece)
    called = odd_rc("logs", ONE, "--terminal", "-f")
    assert (called.out, called.err) == ("ab", "rc: the output from 0 to 4 is no longer kept\n")


def test_output_that_is_gone_altogether_ends_the_reading(odd: OddBox, odd_rc: Rc) -> None:
    session(odd, terminal={"start": 6, "offset": 6, "rows": 1, "columns": 1})
    odd.answers["GET", f"{PATH}/terminal"] = Reply(b"", headers={"Rc-Terminal-Start": "6", "Rc-Terminal-End": "6"})
    assert odd_rc("logs", ONE, "--terminal").out == ""


def test_a_line_break_that_is_cut_in_two_is_one_all_the_same(odd: OddBox, odd_rc: Rc) -> None:
    text = b"a\r\nb\rc\xc3\xa9\r\r\nd\r"
    session(odd, terminal={"start": 0, "offset": len(text), "rows": 1, "columns": 1}, state="exited")
    hello = {"type": "hello", "last_seq": 0, "session": {"state": "exited", "terminal": {"offset": len(text)}}}
    pieces = [
        {"type": "terminal", "offset": at, "data": base64.b64encode(text[at : at + 1]).decode()}
        for at in range(len(text))
    ]
    odd.events(f"{PATH}/stream", hello, *pieces)
    assert odd_rc("logs", ONE, "--terminal", "-f").out == "a\nb\\rc\u00e9\\r\nd\\r"
