"""Bits of a journal turn, or its end is torn, while no box runs: what is lost is said, and the rest is right."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.boxprocess import BoxProcess, box_process
from tests.flows.rawstream import RawStream
from tests.waiting import until
from tests.workers.journals import flip
from tests.workers.parts import is_free
from workers.core.journal import RecordKind, encode_head
from workers.journalread import read_events, terminal_bounds

LINES = 60_000
PRINTED = b"".join(b"%d\r\n" % number for number in range(1, LINES + 1))
PRINT = f'stty -echo; seq {LINES}; while read x; do echo "$x"; done'


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BoxProcess]:
    project = tmp_path / "app"
    project.mkdir()
    with box_process(tmp_path, project) as box:
        yield box.start("--no-create-session-in-dir")


def printed(box: BoxProcess) -> str:
    """A session that has printed, and echoes lines from then on."""
    id: str = box.new("sh", "-c", PRINT)["id"]
    until(lambda: box.session(id)["terminal"]["offset"] == len(PRINTED))
    return id


def segment(box: BoxProcess, id: str, name: str) -> Path:
    return Path(box.bundle(id).path(name))


def flip_middle(path: Path) -> None:
    flip(path, path.stat().st_size // 2)


def assert_right_but_for_gaps(stream: RawStream, expected: bytes) -> None:
    lost = stream.of("terminal_gap")
    assert lost and sum(gap["to"] - gap["from"] for gap in lost) < len(expected) // 2
    whole = bytearray(expected)
    for gap in lost:
        whole[gap["from"] : gap["to"]] = bytes(gap["to"] - gap["from"])
    assert stream.terminal == whole


@pytest.mark.parametrize("ended", [False, True])
def test_output_with_a_flipped_bit_has_a_gap_there_and_is_right_behind_it(box: BoxProcess, ended: bool) -> None:
    id = printed(box)
    if ended:
        assert box.rc("stop", id).code == 0
    box.end(signal.SIGKILL)
    flip_middle(segment(box, id, "terminal-0.j"))
    box.start()
    with box.stream(id, "after=0&terminal_after=0") as stream:
        if not ended:
            stream.until(lambda: stream.end >= len(PRINTED))
            stream.type(b"more\n")
        expected = PRINTED if ended else PRINTED + b"more\r\n"
        stream.until(lambda: stream.end >= len(expected))
        assert_right_but_for_gaps(stream, expected)
    if ended:
        assert box.rc("resume", id).code == 0
        assert any("lost" in update.get("text", "") for update in box.events(id))
        with box.stream(id, "after=0&terminal_after=0") as stream:
            stream.until(lambda: stream.end >= 2 * len(PRINTED))
            assert_right_but_for_gaps(stream, PRINTED + PRINTED)


def test_events_with_a_flipped_bit_have_a_gap_there_and_go_on_behind_it(box: BoxProcess) -> None:
    status, session = box.call("POST", "/v1/code/sessions", {"agent": "echo", "prompt": "repeat 400 abc"})
    assert status == 201
    id = session["id"]
    until(lambda: box.session(id)["turn"] == "idle" and box.session(id)["last_seq"] > 400)
    last = box.session(id)["last_seq"]
    box.end(signal.SIGKILL)
    flip_middle(segment(box, id, "events-1.j"))
    box.start()
    assert box.session(id)["last_seq"] == last
    with box.stream(id, "after=0") as stream:
        assert box.rc("send", id, "again", "--wait").out == "again\n"
        stream.hear("event", lambda told: told["update"].get("state") == "completed" and told["seq"] > last)
        (gap,) = stream.of("gap")
        assert gap["to"] - gap["from"] < 3
        seqs = [told["seq"] for told in stream.of("event")]
        assert sorted([*seqs, *range(gap["from"], gap["to"] + 1)]) == list(range(1, seqs[-1] + 1))
    page = box.call("GET", f"/v1/code/sessions/{id}/events?after={gap['from'] - 1}&limit=5")[1]
    assert page["gap"] == {"from": gap["from"], "to": gap["to"]}
    assert page["events"][0]["seq"] == gap["to"] + 1


def tear(box: BoxProcess, id: str) -> None:
    """As a writer leaves the files that is killed in the middle of its next records."""
    directory = box.bundle(id).directory
    seq, offset = read_events(directory, 0).last_seq + 1, terminal_bounds(directory)[1]
    for name, first, kind, number in (
        ("events-1.j", 1, RecordKind.EVENT, seq),
        ("terminal-0.j", 0, RecordKind.OUTPUT, offset),
    ):
        path = segment(box, id, name)
        body = b"never told to anybody"
        record = encode_head(first, path.stat().st_size, kind, number, 7, body) + body
        with path.open("ab") as file:
            file.write(record[:-7])


def test_a_torn_end_is_cut_off_and_that_is_told(box: BoxProcess) -> None:
    id = printed(box)
    last = box.session(id)["last_seq"]
    worker = box.session(id)["worker_pid"]
    box.end(signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    until(lambda: is_free(box.bundle(id)))
    tear(box, id)
    box.start()
    until(lambda: box.session(id)["state"] == "lost")
    now = box.events(id)
    assert now[-1]["terminal_offset"] == len(PRINTED)
    assert [update["sessionUpdate"] for update in now[last:]] == ["_rc/notice", "_rc/notice", "_rc/process"]
    assert all("unfinished record" in update["text"] for update in now[last:-1])
    assert box.rc("resume", id).code == 0
    with box.stream(id, "after=0&terminal_after=0") as stream:
        stream.until(lambda: stream.end >= 2 * len(PRINTED))
        assert stream.terminal == PRINTED + PRINTED
        assert not stream.of("terminal_gap") and not stream.of("gap")
        assert [told["seq"] for told in stream.of("event")] == list(range(1, len(stream.of("event")) + 1))
