"""The box's disk fills while a remote worker has much to tell: it waits, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.away import away, by_tcp
from tests.flows.boxprocess import BoxProcess, box_process
from tests.smalldisk import SmallDisk, small_disk
from tests.waiting import until

DISK = 32 << 20
ROOM = 1 << 20  # for what is written before the disk is full
LINES = 500_000
PRINTED = b"".join(b"%d\r\n" % number for number in range(1, LINES + 1))
PRINT = f"stty -echo; echo ready; read x; seq {LINES}; read x"
ANY_ROOM = '[disk]\nkeep_free = "0 B"\nkeep_free_percent = 0\n'
SECONDS = 60.0


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
    texts = [update["text"] for update in box.events(id) if update["sessionUpdate"] == "_rc/notice"]
    return [text[:12] for text in texts if "disk" in text]


def printed(box: BoxProcess, id: str) -> bytes:
    """All of a terminal, page by page."""
    data = b""
    while page := box.call("GET", f"/v1/code/sessions/{id}/terminal?from={len(data)}&limit=1000000")[1]:
        data += bytes(page)
    return data


def test_a_worker_whose_box_has_no_room_waits_and_goes_on_with_every_octet(
    box: BoxProcess, disk: SmallDisk, tmp_path: Path
) -> None:
    status, made = box.call("POST", "/v1/code/sessions", {"worker": "remote", "command": ["sh", "-c", PRINT]})
    assert status == 201, made
    id = made["id"]
    path = f"/v1/code/sessions/{id}/commands"
    with away(tmp_path / "there", by_tcp(box)) as (worker, line):
        worker.exchange(box, id)
        worker.start()
        until(lambda: printed(box, id) == b"ready\r\n", SECONDS)
        disk.fill(ROOM)
        assert box.call("POST", path, {"kind": "prompt", "text": "go"})[0] == 200
        until(lambda: notices(box, id), SECONDS)
        status, refused = box.call("POST", path, {"kind": "prompt", "text": "more"})
        assert refused["code"] == "disk_full", (status, refused)
        assert len(printed(box, id)) < len(PRINTED)
        line.cut()
        disk.empty()
        until(lambda: printed(box, id).endswith(PRINTED[-20:]), SECONDS)
        assert printed(box, id) == b"ready\r\n" + PRINTED
        until(lambda: len(notices(box, id)) == 2, SECONDS)
        assert notices(box, id) == ["The disk of ", "There is roo"]
        assert box.call("POST", f"/v1/code/sessions/{id}/stop")[1]["exit"]["reason"] == "stopped"
        assert worker.wait() == 0
