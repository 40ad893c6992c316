"""What a session works on: `diff`, `files`, `cp`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from supervisor.cli.files import split
from tests.supervisor.cli.calling import directory
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.cli.oddbox import OddBox, Reply
from tests.supervisor.web.boxes import ServedBox

ONE = "session_0b9c1111-1111-4111-8111-111111111111"


@pytest.fixture
def tree(box: ServedBox) -> dict[str, str]:
    """A session in a worktree of its own."""
    made = box.new(agent="echo", spawn_mode="worktree")
    return {"name": made["name"], "path": made["workspace"]}


def test_diff_prints_the_patch_or_a_line_for_each_file(rc: Rc, tree: dict[str, str]) -> None:
    assert rc("diff", tree["name"]).out == ""
    Path(tree["path"], "a.txt").write_text("one\ntwo\x1b[31m\n")
    Path(tree["path"], "new\x1bname").write_text("")
    patch = rc("diff", tree["name"]).out
    assert "+two\\x1b[31m\n" in patch
    assert "\x1b" not in patch
    stat = rc("diff", tree["name"], "--stat").out.splitlines()
    assert "new\\x1bname  " in "".join(stat)
    assert any(line.startswith("a.txt  ") and line.endswith("+1 -0") for line in stat)
    assert stat[-1].startswith("2 files, +1 -0")
    assert {file["path"] for file in rc("diff", tree["name"], "--json").json["files"]} == {"a.txt", "new\x1bname"}
    assert rc("diff", tree["name"], "--against", "head").code == 0


def test_a_change_that_is_cut_is_told(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", f"/v1/code/sessions/{ONE}", {"id": ONE, "name": "fix"})
    files = [{"path": "b", "status": "added", "added": None, "removed": None, "binary": True}]
    odd.answer("GET", f"/v1/code/sessions/{ONE}/diff", {"files": files, "patch": "p", "truncated": True})
    called = odd_rc("diff", ONE, "--stat")
    assert called.out == "b  added  binary\n1 file, +0 -0\n"
    assert "this is not all" in called.err


def test_files_are_listed_and_read(rc: Rc, tree: dict[str, str]) -> None:
    Path(tree["path"], "folder").mkdir()
    Path(tree["path"], "link").symlink_to("a.txt")
    Path(tree["path"], "evil\x1b").write_bytes(b"\x1b[31m\xff")
    names = rc("files", tree["name"]).out.splitlines()
    assert {"a.txt", "folder/", "link@", "$'evil\\x1b'"} <= set(names)
    assert rc("files", tree["name"], "a.txt").out == "one\n"
    assert rc("files", tree["name"], "evil\x1b").out == "\\x1b[31m\\xff\n"
    assert rc("files", tree["name"], "a.txt", "--raw").out == "one\n"
    assert rc("files", tree["name"], "a.txt", "--json").json == {"path": "a.txt", "content": "one\n"}
    assert "entries" in rc("files", tree["name"], "--json").json


def test_a_name_that_cannot_be_shown_is_listed_as_a_shell_takes_it_back(
    rc: Rc, tree: dict[str, str], tmp_path: Path
) -> None:
    names = [b"bad\xff\xfe", b"new\nline", b"quo'te\\\x07", "b\u202ei".encode(), b"50%25"]
    for name in names:
        Path(tree["path"], os.fsdecode(name)).write_bytes(name)
    listed = rc("files", tree["name"]).out.splitlines()
    for name in names:
        (shown,) = (word for word in listed if spelled(word) == name)
        assert rc("files", tree["name"], os.fsdecode(name)).code == 0
        rc("cp", f"{tree['name']}:{os.fsdecode(name)}", str(tmp_path / "here"))
        assert (tmp_path / "here").read_bytes() == name
        assert shown.isprintable()


def spelled(word: str) -> bytes:
    """What a shell makes of a word of a listing."""
    return subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=False).stdout


def test_a_listing_that_is_cut_is_told(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", f"/v1/code/sessions/{ONE}", {"id": ONE, "name": "fix"})
    entries = [{"name": "a", "type": "file"}, {"name": "b", "type": "other"}]
    odd.answer("GET", f"/v1/code/sessions/{ONE}/files", {"path": "", "entries": entries, "truncated": True})
    called = odd_rc("files", ONE)
    assert (called.out, "this is not all" in called.err) == ("a\nb=\n", True)


@pytest.mark.parametrize("path", ["../a.txt", "/etc/passwd", "nothing", ".git"])
def test_what_is_not_there_or_not_ours_is_refused(rc: Rc, tree: dict[str, str], path: str) -> None:
    assert rc("files", tree["name"], path).code in (2, 3, 4)


def test_a_file_is_copied_out(rc: Rc, tree: dict[str, str], tmp_path: Path) -> None:
    data = bytes(range(256)) * 8192
    Path(tree["path"], "big").write_bytes(data)
    with directory(tmp_path):
        assert rc("cp", f"{tree['name']}:big", "copy").code == 0
        assert (tmp_path / "copy").read_bytes() == data
        told = rc("cp", f"{tree['name']}:big", ".", "--json").json
    assert told == {"path": "./big", "size": len(data)}
    assert (tmp_path / "big").read_bytes() == data


def test_a_file_is_copied_in(rc: Rc, tree: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"\x00\xff")
    Path(tree["path"], "folder").mkdir()
    for target, place in (("there", "there"), ("", "mine"), ("folder", "folder/mine"), ("folder/", "folder/mine")):
        assert rc("cp", str(tmp_path / "mine"), f"{tree['name']}:{target}", "--json").json["path"] == place
        assert Path(tree["path"], place).read_bytes() == b"\x00\xff"
    assert rc("cp", "-", f"{tree['name']}:piped", stdin=b"from a pipe").code == 0
    assert Path(tree["path"], "piped").read_bytes() == b"from a pipe"


def test_what_cannot_be_copied_is_told(rc: Rc, tree: dict[str, str], tmp_path: Path) -> None:
    name = tree["name"]
    assert rc("cp", "a", "b").code == 2
    assert rc("cp", f"{name}:a.txt", f"{name}:b.txt").code == 2
    assert rc("cp", f"{name}:", str(tmp_path)).code == 2
    assert rc("cp", f"{name}:a.txt", "/no/such/place").code == 1
    assert rc("cp", "/no/such/file", f"{name}:a").code == 1
    assert rc("cp", "-", f"{name}:").code == 2
    Path(tree["path"], "folder").mkdir()
    assert rc("cp", f"{name}:folder", str(tmp_path)).code == 2


def test_a_copy_that_is_cut_off_is_not_taken_for_whole(odd: OddBox, odd_rc: Rc, tmp_path: Path) -> None:
    odd.answer("GET", f"/v1/code/sessions/{ONE}", {"id": ONE, "name": "fix"})
    headers = {"Content-Type": "application/octet-stream"}
    odd.answers["GET", f"/v1/code/sessions/{ONE}/files"] = Reply(b"half", headers=headers, cut=True)
    assert odd_rc("cp", f"{ONE}:a", str(tmp_path / "a")).code == 5
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a").write_text("the good one")
    assert odd_rc("cp", f"{ONE}:a", str(tmp_path / "a")).code == 5
    assert [path.read_text() for path in tmp_path.iterdir()] == ["the good one"]


def test_a_file_that_is_copied_over_keeps_its_place_and_its_mode(rc: Rc, tree: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o750)
    (tmp_path / "link").symlink_to("real")
    assert rc("cp", f"{tree['name']}:a.txt", str(tmp_path / "link")).code == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "one\n"
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o750
    assert rc("cp", f"{tree['name']}:a.txt", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("s:a/b:c", ("s", "a/b:c")),
        ("./s:a", (None, "./s:a")),
        ("plain", (None, "plain")),
        (":x", (None, ":x")),
        ("s:", ("s", "")),
        ("-", (None, "-")),
    ],
)
def test_a_session_is_what_stands_before_the_first_colon(word: str, meant: tuple[str | None, str]) -> None:
    assert split(word) == meant
