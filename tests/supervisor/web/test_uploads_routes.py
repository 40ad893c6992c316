"""Uploads to a box that runs."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.core.uploads import UPLOAD_LIMIT
from tests.supervisor.web.boxes import ServedBox, serving
from tests.waiting import until


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBox]:
    with serving(tmp_path_factory.mktemp("uploads"), "--agent", "echo") as box:
        yield box


@pytest.fixture(scope="module")
def session(box: ServedBox) -> str:
    id: str = box.new()["id"]
    return id


def folder(box: ServedBox, session: str) -> Path:
    return box.state_dir / "sessions" / session / "uploads"


def test_a_file_is_kept_beside_the_tree(box: ServedBox, session: str) -> None:
    data = os.urandom(3 << 20)
    path = f"/v1/code/sessions/{session}/uploads/a%20b.png"
    answer = box.ask("PUT", path, raw=data, headers={"content-type": "image/png"})
    assert (answer.status, answer.json) == (
        201,
        {"name": "a b.png", "path": str(folder(box, session) / "a b.png"), "size": len(data)},
    )
    assert Path(answer.json["path"]).read_bytes() == data
    assert not (box.project / "a b.png").exists()
    again = box.ask("PUT", path, raw=b"", headers={"content-type": "image/png"})
    assert (again.status, again.json["size"]) == (200, 0)


@pytest.mark.parametrize(
    ("name", "code"), [("..", "invalid"), (".a", "invalid"), ("a%2Fb", "not_found"), ("%ff", "invalid")]
)
def test_a_name_that_is_none_is_refused(box: ServedBox, session: str, name: str, code: str) -> None:
    answer = box.ask("PUT", f"/v1/code/sessions/{session}/uploads/{name}", raw=b"x" * 300_000)
    assert answer.code == code


def test_an_unknown_session_takes_nothing(box: ServedBox) -> None:
    assert box.ask("PUT", "/v1/code/sessions/session_none/uploads/a", raw=b"x").code == "unknown_session"


def begun(box: ServedBox, session: str, length: int) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.connect(box.socket)
    target = f"/v1/code/sessions/{session}/uploads/large"
    line.sendall(f"PUT {target} HTTP/1.1\r\nHost: box\r\nContent-Length: {length}\r\n\r\n".encode())
    return line


def test_what_says_that_it_is_too_large_is_refused_at_once(box: ServedBox, session: str) -> None:
    with begun(box, session, UPLOAD_LIMIT + 1) as line:
        line.settimeout(20)
        assert line.recv(12) == b"HTTP/1.1 413"


def test_what_turns_out_too_large_is_refused_and_nothing_is_left(box: ServedBox, session: str) -> None:
    target = f"/v1/code/sessions/{session}/uploads/large"
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(box.socket)
        line.sendall(f"PUT {target} HTTP/1.1\r\nHost: box\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        piece = b"x" * (1 << 20)
        with contextlib.suppress(OSError):
            for _ in range((UPLOAD_LIMIT >> 20) + 1):
                line.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        line.settimeout(20)
        assert line.recv(12) == b"HTTP/1.1 413"
    assert not [name for name in os.listdir(folder(box, session)) if "large" in name or name.startswith(".")]


def test_a_client_that_leaves_in_the_middle_leaves_nothing(box: ServedBox, session: str) -> None:
    with begun(box, session, 2 << 20) as line:
        line.sendall(b"x" * (1 << 20))
        until(lambda: any(name.startswith(".half-") for name in os.listdir(folder(box, session))))
    until(lambda: not any(name.startswith(".half-") for name in os.listdir(folder(box, session))))
    assert not (folder(box, session) / "large").exists()


def test_a_large_one_is_never_in_memory(box: ServedBox, session: str) -> None:
    before = memory(box)
    with begun(box, session, UPLOAD_LIMIT) as line:
        for _ in range(UPLOAD_LIMIT >> 20):
            line.sendall(b"x" * (1 << 20))
        line.settimeout(60)
        assert line.recv(12) == b"HTTP/1.1 201"
    assert (folder(box, session) / "large").stat().st_size == UPLOAD_LIMIT
    assert memory(box) - before < UPLOAD_LIMIT // 8
    (folder(box, session) / "large").unlink()


def memory(box: ServedBox) -> int:
    """The most that the supervisor ever had, in octets."""
    status = Path(f"/proc/{box.process.pid}/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
