"""The disk fills, or bits on it turn: what was told stays, what is lost is said, and everything else goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.boxprocess import BoxProcess, box_process
from tests.flows.rawstream import RawStream
from tests.smalldisk import SmallDisk, small_disk
from tests.waiting import until

DISK = 32 << 20
ROOM = 1 << 20  # for what a test wants written before the disk is full
LINES = 500_000
PRINTED = b"".join(b"%d\r\n" % number for number in range(1, LINES + 1))
PRINT = f"stty -echo; echo ready; read x; seq {LINES}; read x"
STOP_SECONDS = 12.0  # ten of grace, and what a busy machine needs
ANY_ROOM = '[disk]\nkeep_free = "0 B"\nkeep_free_percent = 0\n'


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    (tmp_path / "d").mkdir()
    with small_disk(tmp_path / "d", DISK) as disk:
        yield disk


@pytest.fixture
def box(tmp_path: Path, disk: SmallDisk) -> Iterator[BoxProcess]:
    """Everything that it keeps is on the small disk."""
    (tmp_path / "app").mkdir()
    (tmp_path / "box.toml").write_text(ANY_ROOM)
    with box_process(tmp_path, tmp_path / "app") as box:
        box.move(disk.words(box.project), disk.inside, disk.seen)
        yield box.start("--no-create-session-in-dir", "--config", str(tmp_path / "box.toml"))


def notices(box: BoxProcess, id: str) -> list[str]:
    """What was told about the disk."""
    texts = [update["text"] for update in box.events(id) if update["sessionUpdate"] == "_rc/notice"]
    return [text[:16] for text in texts if "disk" in text]


def printed(box: BoxProcess, id: str) -> bytes:
    """All of a terminal, page by page."""
    data = b""
    while page := box.call("GET", f"/v1/code/sessions/{id}/terminal?from={len(data)}&limit=1000000")[1]:
        data += bytes(page)
    return data


def printing(box: BoxProcess) -> tuple[str, RawStream]:
    """A session that is about to print more than there is room for, and everything that it tells."""
    id = box.new("sh", "-c", PRINT)["id"]
    stream = box.stream(id, "after=0&terminal_after=0")
    stream.until(lambda: b"ready\r\n" in stream.terminal)
    return id, stream


def is_told(stream: RawStream, text: str) -> bool:
    return any(text in told["update"].get("text", "") for told in stream.of("event"))


def test_a_program_that_fills_the_disk_waits_and_goes_on_with_every_octet(box: BoxProcess, disk: SmallDisk) -> None:
    quiet = box.new("cat")["id"]
    id, stream = printing(box)
    with stream, box.stream(quiet, "terminal_after=0") as other:
        prompt = {"kind": "prompt", "text": "go", "message_id": "0b9c7a52-9f41-4c1e-8d5f-222222222222"}
        disk.fill(ROOM)
        stream.say(type="command", id="first", command=prompt)  # typed, it lets the program print
        accepted = stream.hear("ack")["seq"]
        stream.until(lambda: is_told(stream, "The disk is full"))
        stream.say(type="command", id="again", command=prompt)
        assert stream.hear("ack", lambda told: told["id"] == "again")["seq"] == accepted
        stream.say(type="command", id="c1", command={"kind": "prompt", "text": "more"})
        assert stream.hear("refused")["error"]["code"] == "disk_full"
        assert [box.session(each)["state"] for each in (id, quiet)] == ["running", "running"]
        assert len(printed(box, id)) < len(PRINTED)
        disk.empty()
        stream.until(lambda: is_told(stream, "There is room"))
        stream.until(lambda: stream.terminal.endswith(PRINTED[-20:]))
        assert stream.terminal == b"ready\r\n" + PRINTED
        assert printed(box, id) == stream.terminal
        other.type(b"hello\n")
        other.until(lambda: other.terminal == b"hello\r\nhello\r\n")
    assert notices(box, id) == ["The disk is full", "There is room on"]
    assert notices(box, quiet) == []
    assert [told["seq"] for told in stream.of("event")] == list(range(1, len(stream.of("event")) + 1))


def test_a_session_ends_on_a_full_disk_and_its_end_is_known_at_once(box: BoxProcess, disk: SmallDisk) -> None:
    coded = box.new("sh", "-c", "read x; echo last words; exit 5")["id"]
    status, made = box.call("POST", "/v1/code/sessions", {"agent": "echo"})
    assert status == 201
    inside = made["id"]
    id, stream = printing(box)
    with stream, box.stream(coded, "terminal_after=0") as other:
        disk.fill(ROOM)
        stream.type(b"\n")
        stream.until(lambda: is_told(stream, "The disk is full"))
        disk.fill()
        other.type(b"\n")
        until(lambda: box.session(coded)["exit"])
        assert box.session(coded)["exit"]["code"] == 5
        began = time.monotonic()
        for stopped in (id, inside):
            assert box.rc("stop", stopped).code == 0
            assert box.session(stopped)["exit"]["reason"] == "stopped"
        assert time.monotonic() - began < STOP_SECONDS
    assert printed(box, coded) == b"\r\nlast words\r\n"
    kept = printed(box, id)
    assert (b"ready\r\n" + PRINTED).startswith(kept)
    assert box.events(id)[-1]["terminal_offset"] == len(kept)
    box.end()
    box.start("--config", str(box.project.parent / "box.toml"))  # on the same full disk
    assert [box.session(each)["state"] for each in (id, inside, coded)] == ["exited"] * 3
    assert box.events(id)[-1]["reason"] == "stopped"


def test_an_end_that_cannot_be_written_at_all_is_told_when_it_can(box: BoxProcess, disk: SmallDisk) -> None:
    session = box.new("sh", "-c", "read x; echo last words; exit 5")
    id = session["id"]
    (disk.seen / "sessions" / id / "reserve").unlink()
    with box.stream(id, "after=0&terminal_after=0") as stream:
        disk.fill()
        stream.type(b"\n")
        until(lambda: not Path(f"/proc/{session['pid']}").exists())
        assert box.session(id)["state"] == "running"
        disk.empty()
        stream.hear("event", lambda told: told["update"].get("state") == "exited")
        assert stream.terminal == b"\r\nlast words\r\n"
    assert box.session(id)["exit"] == {"code": 5, "signal": None, "reason": "ended"}
    assert [update["sessionUpdate"] for update in box.events(id)][-1] == "_rc/process"


def test_an_agent_without_a_program_is_paused_as_well(box: BoxProcess, disk: SmallDisk) -> None:
    status, made = box.call("POST", "/v1/code/sessions", {"agent": "echo"})
    assert status == 201
    with box.stream(made["id"], "after=0") as stream:
        disk.fill(ROOM)
        stream.say(type="command", id="c1", command={"kind": "prompt", "text": f"repeat 10000 {'x' * 4000}"})
        stream.until(lambda: is_told(stream, "The disk is full"))
        last = box.session(made["id"])["last_seq"]
        stream.say(type="command", id="c2", command={"kind": "interrupt"})
        disk.empty()
        stream.until(lambda: is_told(stream, "There is room"))
        assert any(told["update"].get("state") == "cancelled" for told in stream.of("event"))
        said = [told["seq"] for told in stream.of("event") if told["update"]["sessionUpdate"] == "agent_message_chunk"]
        assert said[-1] <= last  # the interrupt came while it was paused
        assert [told["seq"] for told in stream.of("event")] == list(range(1, len(stream.of("event")) + 1))
        stream.until(lambda: {"c1", "c2"} == {ack["id"] for ack in stream.of("ack")})
