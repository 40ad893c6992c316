"""The inspector as a process: one question over a socket, one answer, and nothing left."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from tests.waiting import until
from tests.workers.asking import Ground, Zygote
from workers.inspector import CONTENT, refusal_of


def test_a_large_file_comes_in_many_frames(inspectors: Zygote, tmp_path: Path) -> None:
    data = os.urandom(CONTENT * 3 + 5)
    (tmp_path / "big").write_bytes(data)
    told, content = inspectors.ask({"do": "files", "root": str(tmp_path), "path": "big", "range": None})
    assert told["file"]["size"] == len(data)
    assert content == data


def test_a_file_is_written_from_what_follows_the_question(inspectors: Zygote, tmp_path: Path) -> None:
    body = os.urandom(500_000)
    question = {"do": "write", "root": str(tmp_path), "path": "new", "size": len(body)}
    told, _ = inspectors.ask(question, body=body)
    assert told["written"]["created"]
    assert (tmp_path / "new").read_bytes() == body


def test_a_refusal_names_its_cause_and_the_next_step(inspectors: Zygote, tmp_path: Path) -> None:
    told, _ = inspectors.ask({"do": "files", "root": str(tmp_path), "path": "../x", "range": None})
    assert told["error"]["code"] == "invalid"
    assert ".." in told["error"]["detail"]
    assert told["error"]["hint"]


def test_fields_of_a_refusal_go_along(inspectors: Zygote, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    told, _ = inspectors.ask({"do": "files", "root": str(tmp_path), "path": "file", "range": [5, None]})
    assert told["error"]["size"] == 1


def test_a_fifo_in_gits_way_ends_at_the_deadline(inspectors: Zygote, ground: Ground) -> None:
    os.mkfifo(ground.tree / ".gitattributes")
    (ground.tree / "a").write_text("other")
    told, _ = inspectors.ask(ground.diff(), seconds=0.4)
    assert told["error"]["code"] == "git_failed"
    assert "0.4 seconds" in told["error"]["detail"]
    assert ground.left() == []


def test_a_tree_that_is_no_directory_is_told(inspectors: Zygote) -> None:
    told, _ = inspectors.ask({"do": "usage", "root": "/dev/full"})
    assert told["error"]["code"] == "git_failed"
    assert "Not a directory" in told["error"]["detail"]


def test_a_disk_that_is_full_is_said_so() -> None:
    assert refusal_of(OSError(errno.ENOSPC, "No space left")).code == "disk_full"
    assert refusal_of(OSError(errno.EDQUOT, "Quota")).code == "disk_full"


def test_an_asker_that_goes_away_in_the_middle_ends_the_inspector(inspectors: Zygote, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * (64 << 20))
    with reading(inspectors, tmp_path / "big", 60):
        assert is_open(tmp_path / "big")
    until(lambda: not is_open(tmp_path / "big"))


def test_an_asker_that_does_not_read_is_left_at_the_deadline(inspectors: Zygote, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * (8 << 20))
    with reading(inspectors, tmp_path / "big", 0.3) as line:
        until(lambda: not is_open(tmp_path / "big"))
        said = b"".join(iter(lambda: line.recv(1 << 20), b""))
    # What was announced did not come, and nothing passes for it.
    assert b"error" not in said
    assert len(said) < 8 << 20


def test_nobody_may_trace_an_inspector(inspectors: Zygote, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * (8 << 20))
    with reading(inspectors, tmp_path / "big", 30):
        reader = who_reads(tmp_path / "big")
        if os.geteuid():
            assert reader is None, "not even what it has open is to be seen"
        else:
            # The files of a process that is not dumpable belong to root, whoever runs it; it leaves no core.
            assert os.stat(f"/proc/{reader}/environ").st_uid == 0
            assert "Max core file size        0 " in Path(f"/proc/{reader}/limits").read_text()


@contextlib.contextmanager
def reading(inspectors: Zygote, path: Path, seconds: float) -> Iterator[socket.socket]:
    """An inspector that has opened the file and told so, and waits for somebody to read on."""
    question = {"do": "files", "root": str(path.parent), "path": path.name, "range": None}
    with inspectors.hand_over({"do": "inspect", "question": question, "deadline": seconds}) as line:
        (length,) = struct.unpack(">I", line.recv(4, socket.MSG_WAITALL))
        assert length < 1000
        yield line


def is_open(path: Path) -> bool:
    """Whether anybody has the file open: then the kernel gives nobody a lease on it."""
    with open(path, "r+b") as file:
        try:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except BlockingIOError:
            return True
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return False


def who_reads(path: Path) -> int | None:
    """The process that has the file open, where we may see it."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if any(os.readlink(f"/proc/{pid}/fd/{fd}") == str(path) for fd in os.listdir(f"/proc/{pid}/fd")):
                return int(pid)
    return None
