"""Routes of a session's workspace."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from supervisor.web.files_routes import parse_range
from tests.supervisor.web.boxes import ServedBox, git

ROUTE = "/v1/code/sessions"


@pytest.fixture(scope="module")
def session(box: ServedBox) -> dict[str, Any]:
    """A session in a worktree of its own, with some things in it."""
    session = box.new(name="files", spawn_mode="worktree", command=["cat"])
    tree = Path(session["workspace"])
    (tree / "digits").write_bytes(b"0123456789")
    (tree / "empty").touch()
    (tree / "ü b\"'.html").write_text("<script>")
    (tree / "deep" / "er").mkdir(parents=True)
    (tree / "deep" / "x").write_text("x")
    (tree / "link").symlink_to("/etc/passwd")
    (tree / "outside").symlink_to("/etc")
    os.mkfifo(tree / "fifo")
    return session


@pytest.fixture
def path(session: dict[str, Any]) -> str:
    return f"{ROUTE}/{session['id']}/files"


def test_a_directory_is_listed(box: ServedBox, path: str) -> None:
    told = box.ask("GET", path).json
    types = {entry["name"]: entry["type"] for entry in told["entries"]}
    assert types == {
        "a.txt": "file",
        "deep": "directory",
        "digits": "file",
        "empty": "file",
        "fifo": "other",
        "link": "link",
        "outside": "link",
        "ü b\"'.html": "file",
    }
    assert [entry["name"] for entry in box.ask("GET", f"{path}?path=deep").json["entries"]] == ["er", "x"]
    assert box.ask("GET", f"{path}?path=deep/er").json == {"path": "deep/er", "entries": [], "truncated": False}


def test_a_file_comes_as_an_attachment(box: ServedBox, path: str) -> None:
    answer = box.ask("GET", f"{path}?path={quote('ü b')}%22%27.html")
    assert answer.body == b"<script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''%C3%BC%20b%22%27.html"
    assert box.ask("GET", f"{path}?path=empty").body == b""


@pytest.mark.parametrize(
    ("range", "status", "body", "told"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=0-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=1-2,4-5", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
        ("bytes=5-2", 200, b"0123456789", None),
    ],
)
def test_a_part_of_a_file_can_be_asked_for(
    box: ServedBox, path: str, range: str, status: int, body: bytes, told: str | None
) -> None:
    answer = box.ask("GET", f"{path}?path=digits", headers={"range": range})
    assert (answer.status, answer.body, answer.headers.get("content-range")) == (status, body, told)


def test_a_path_comes_back_as_it_was_listed_whatever_octets_it_has(
    box: ServedBox, session: dict[str, Any], path: str
) -> None:
    names = [b"bad\xff\xfe", b"new\nline", b"100%25 + ?&=#", "ü".encode(), b"back\\xff"]
    folder = os.path.join(os.fsencode(session["workspace"]), b"o\xffd")
    os.mkdir(folder)
    for name in names:
        Path(os.fsdecode(os.path.join(folder, name))).write_bytes(name)
    top = box.ask("GET", path).json["entries"]
    (found,) = (entry["path_encoded"] for entry in top if entry["name"] == "o\\xffd")
    listed = box.ask("GET", f"{path}?path={found}").json
    assert listed["path"] == "o\\xffd"
    contents = [box.ask("GET", f"{path}?path={each['path_encoded']}").body for each in listed["entries"]]
    assert sorted(contents) == sorted(names)
    headers = {"content-type": "application/octet-stream"}
    assert box.ask("PUT", f"{path}?path={found}/bad%ff%fe", raw=b"x", headers=headers).status == 200
    assert Path(os.fsdecode(os.path.join(folder, names[0]))).read_bytes() == b"x"
    shutil.rmtree(folder)


@pytest.mark.parametrize("wanted", ["newdir/", "newdir/.", "./"])
def test_a_path_that_ends_like_a_directorys_is_no_file_to_write(
    box: ServedBox, session: dict[str, Any], path: str, wanted: str
) -> None:
    answer = box.ask("PUT", f"{path}?path={wanted}", raw=b"x", headers={"content-type": "application/octet-stream"})
    assert answer.code == "invalid"
    assert not os.path.lexists(os.path.join(session["workspace"], "newdir"))


def test_a_range_behind_the_end_names_the_size(box: ServedBox, path: str) -> None:
    answer = box.ask("GET", f"{path}?path=digits", headers={"range": "bytes=10-"})
    assert (answer.status, answer.headers["content-range"]) == (416, "bytes */10")
    assert answer.code == "invalid"
    assert box.ask("GET", f"{path}?path=empty", headers={"range": "bytes=0-0"}).status == 200


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ("nowhere", "not_found"),
        ("a.txt/b", "not_found"),
        ("../", "invalid"),
        ("deep/../../x", "invalid"),
        ("/etc/passwd", "invalid"),
        ("link", "invalid"),
        ("outside/passwd", "invalid"),
        ("fifo", "invalid"),
        (".git", "invalid"),
        ("deep/.GIT/config", "invalid"),
        ("a%00b", "invalid"),
        ("a%0ab", "not_found"),
        ("a%ed%a0%80b", "not_found"),
        ("digits&path=empty", "invalid"),
        ("x" * 300, "invalid"),
        ("x" * 5000, "invalid"),
    ],
)
def test_what_is_no_file_of_the_tree_is_refused(box: ServedBox, path: str, wanted: str, code: str) -> None:
    assert box.ask("GET", f"{path}?path={wanted}").code == code


def test_a_file_is_written_whole(box: ServedBox, session: dict[str, Any], path: str) -> None:
    answer = box.ask(
        "PUT", f"{path}?path=deep/new", raw=b"\x00\xff", headers={"content-type": "application/octet-stream"}
    )
    assert (answer.status, answer.json["size"], answer.json["path"]) == (201, 2, "deep/new")
    assert (Path(session["workspace"]) / "deep" / "new").read_bytes() == b"\x00\xff"
    assert box.ask("PUT", f"{path}?path=deep/new", raw=b"").status == 200
    assert (Path(session["workspace"]) / "deep" / "new").read_bytes() == b""
    assert box.ask("PUT", path, raw=b"x").code == "invalid"


@pytest.mark.parametrize("wanted", ["link", "outside/x", "../x", ".git/hooks/x", "fifo", "deep", "nowhere/x"])
def test_nothing_is_written_where_it_should_not(
    box: ServedBox, session: dict[str, Any], path: str, wanted: str
) -> None:
    assert box.ask("PUT", f"{path}?path={wanted}", raw=b"owned").code in ("invalid", "not_found")
    assert "owned" not in Path("/etc/passwd").read_text()


def test_a_diff_tells_what_changed(box: ServedBox) -> None:
    session = box.new(name="changed", spawn_mode="worktree", command=["cat"])
    tree = Path(session["workspace"])
    (tree / "a.txt").write_text("one\ntwo\n")
    git(tree, "commit", "-q", "-a", "-m", "two")
    (tree / "new").write_text("x\n")
    told = box.ask("GET", f"{ROUTE}/{session['id']}/diff").json
    files = {file["path"]: (file["status"], file["added"], file["removed"]) for file in told["files"]}
    assert files == {"a.txt": ("M", 1, 0), "new": ("A", 1, 0)}
    assert "+two" in told["patch"]
    since = box.ask("GET", f"{ROUTE}/{session['id']}/diff?against=head").json
    assert [file["path"] for file in since["files"]] == ["new"]
    assert box.ask("GET", f"{ROUTE}/{session['id']}/diff?against=HEAD~1").code == "invalid"


def test_ranges_are_read_strictly() -> None:
    assert parse_range("bytes=0-0") == (0, 0)
    assert parse_range("bytes=-5") == (None, 5)
    assert parse_range("bytes=5-") == (5, None)
    for header in (None, "", "bytes", "bytes=-", "bytes=a-b", "bytes=2-1", "bytes=1-2,3-4", "octets=1-2", "bytes=٣-"):
        assert parse_range(header) is None, header
