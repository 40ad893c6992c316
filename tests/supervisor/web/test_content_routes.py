"""Routes of what a session holds."""

from __future__ import annotations

import pytest

from tests.supervisor.web.boxes import ServedBox
from tests.waiting import until

ROUTE = "/v1/code/sessions"


@pytest.fixture(scope="module")
def path(box: ServedBox) -> str:
    """A session that has printed ten lines and ended."""
    session = box.new(command=["sh", "-c", "for i in 0 1 2 3 4 5 6 7 8 9; do echo line-$i; done"])
    until(lambda: box.session(session["id"])["state"] == "exited")
    return f"{ROUTE}/{session['id']}"


def seqs(box: ServedBox, target: str) -> list[int]:
    return [event["seq"] for event in box.ask("GET", target).json["events"]]


def test_events_are_paged_both_ways(box: ServedBox, path: str) -> None:
    whole = box.ask("GET", f"{path}/events").json
    last = whole["last_seq"]
    assert [event["seq"] for event in whole["events"]] == list(range(1, last + 1))
    assert whole["events"][0]["update"] == {"sessionUpdate": "_rc/process", "state": "starting"}
    assert seqs(box, f"{path}/events?limit=2") == [1, 2]
    assert seqs(box, f"{path}/events?after=1&limit=1") == [2]
    assert seqs(box, f"{path}/events?after={last}") == []
    assert seqs(box, f"{path}/events?before={last}&limit=1") == [last - 1]
    assert seqs(box, f"{path}/events?before=1") == []
    assert "gap" not in whole


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "before=0", "limit=1001", "limit=0", "after=1&before=2", "x=1"]
)
def test_events_take_numbers(box: ServedBox, path: str, query: str) -> None:
    assert box.ask("GET", f"{path}/events?{query}").code == "invalid"


def test_terminal_output_has_its_place(box: ServedBox, path: str) -> None:
    whole = box.ask("GET", f"{path}/terminal")
    assert whole.body == b"".join(b"line-%d\r\n" % number for number in range(10))
    assert (whole.headers["rc-terminal-start"], whole.headers["rc-terminal-end"]) == ("0", str(len(whole.body)))
    part = box.ask("GET", f"{path}/terminal?from=8&limit=6")
    assert part.body == b"line-1"
    assert (part.headers["rc-terminal-start"], part.headers["rc-terminal-end"]) == ("8", "14")
    beyond = box.ask("GET", f"{path}/terminal?from={len(whole.body)}")
    assert (beyond.body, beyond.headers["rc-terminal-start"]) == (b"", str(len(whole.body)))
    assert whole.headers["content-type"] == "application/octet-stream"


def test_an_offset_above_the_end_is_told_where_the_end_is(box: ServedBox, path: str) -> None:
    beyond = box.ask("GET", f"{path}/terminal?from=81")
    assert (beyond.status, beyond.code, beyond.headers["content-range"]) == (416, "invalid", "bytes */80")
    assert (beyond.headers["rc-terminal-start"], beyond.headers["rc-terminal-end"]) == ("0", "80")


def test_a_number_above_the_last_is_a_page_with_nothing_on_it(box: ServedBox, path: str) -> None:
    last = box.ask("GET", f"{path}/events").json["last_seq"]
    assert box.ask("GET", f"{path}/events?after={last + 1000}").json == {"events": [], "last_seq": last}


def test_terminal_output_is_whole_however_small_its_pieces(box: ServedBox) -> None:
    text = "x" * 300_000
    session = box.new(command=["sh", "-c", f"head -c {len(text)} /dev/zero | tr '\\0' x"])
    until(lambda: box.session(session["id"])["state"] == "exited")
    assert box.ask("GET", f"{ROUTE}/{session['id']}/terminal").body == text.encode()


def test_a_session_without_a_terminal_says_so(box: ServedBox) -> None:
    session = box.new(agent="echo")
    assert box.ask("GET", f"{ROUTE}/{session['id']}/terminal").code == "invalid_state"


@pytest.mark.parametrize("hash", ["x", "0" * 64, "..%2fspec.json", "0" * 63 + "g"])
def test_a_blob_that_is_not_there_is_not_found(box: ServedBox, path: str, hash: str) -> None:
    assert box.ask("GET", f"{path}/blobs/{hash}").code == "not_found"
