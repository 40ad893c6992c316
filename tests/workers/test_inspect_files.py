"""Files of a tree: what is shown and written, and everything that is refused."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.asking import Heard
from workers.errors import Refused
from workers.inspect_files import (
    WRITE_OCTETS,
    answer,
    is_git,
    listing,
    shown,
    split,
    usage,
    walk,
    write,
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "sub" / ".git").mkdir(parents=True)
    (root / ".git").write_text("gitdir: elsewhere\n")
    (root / "file").write_bytes(b"0123456789")
    (root / "sub" / "deep").write_text("deep")
    (root / "empty").touch()
    (tmp_path / "secret").write_text("secret")
    (root / "link").symlink_to("file")
    (root / "out").symlink_to(tmp_path)
    os.mkfifo(root / "fifo")
    return root


def get(tree: Path, path: str, span: list[int | None] | None = None) -> Heard:
    heard = Heard()
    answer({"root": str(tree), "path": path, "range": span}, heard)
    return heard


def put(tree: Path, path: str, body: bytes, **other: Any) -> dict[str, Any]:
    heard = Heard(body)
    write({"root": str(tree), "path": path, "size": len(body), **other}, heard)
    return heard.told["written"]  # type: ignore[no-any-return]  # of JSON


def refusal(tree: Path, path: str) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        get(tree, path)
    with pytest.raises(Refused) as again:
        put(tree, path, b"x")
    return caught.value.code, again.value.code


def test_a_directory_is_listed_without_git_and_with_what_each_thing_is(tree: Path) -> None:
    told = get(tree, "").told["directory"]
    assert [(entry["name"], entry["type"]) for entry in told["entries"]] == [
        ("empty", "file"),
        ("fifo", "other"),
        ("file", "file"),
        ("link", "link"),
        ("out", "link"),
        ("sub", "directory"),
    ]
    assert not told["truncated"]
    assert told["entries"][2]["size"] == 10
    assert [entry["name"] for entry in get(tree, "sub/").told["directory"]["entries"]] == ["deep"]


def test_a_name_that_is_not_text_is_listed_as_text(tree: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tree / "sub") + b"/\xff\n"))).touch()
    first, second = get(tree, "sub").told["directory"]["entries"]
    assert (first["name"], first["octets"]) == ("\\xff\n", "ff0a")
    assert second["name"] == "deep" and "octets" not in second
    assert get(tree, "sub/\udcff\n").octets == b""
    with pytest.raises(Refused, match=r"there is no sub/\\xfe"):
        get(tree, "sub/\udcfe")


def test_a_huge_directory_is_cut_and_says_so(tree: Path) -> None:
    for number in range(9):
        (tree / "sub" / f"{number}").touch()
    here = os.open(tree / "sub", os.O_RDONLY)
    try:
        for cut in (listing(here, most=5), listing(here, octets=12)):
            assert cut["truncated"]
            assert 0 < len(cut["entries"]) < 10
        assert not listing(here, most=10)["truncated"]
    finally:
        os.close(here)


def test_a_file_is_given_whole_or_by_a_range(tree: Path) -> None:
    heard = get(tree, "file")
    assert (heard.told["file"]["size"], heard.octets) == (10, b"0123456789")
    assert get(tree, "sub/../file".replace("sub/../", "./")).octets == b"0123456789"
    assert get(tree, "file", [2, 4]).octets == b"234"
    assert get(tree, "file", [8, None]).octets == b"89"
    assert get(tree, "file", [8, 100]).octets == b"89"
    assert get(tree, "file", [None, 3]).octets == b"789"
    assert get(tree, "file", [None, 300]).octets == b"0123456789"
    assert get(tree, "empty").octets == b""


def test_a_range_behind_the_end_is_refused_with_the_size(tree: Path) -> None:
    for span in ([10, None], [None, 0]):
        with pytest.raises(Refused, match="behind the end") as caught:
            get(tree, "file", span)
        assert caught.value.fields == {"size": 10}


@pytest.mark.parametrize(
    "path",
    [
        *("/etc/passwd", "../secret", "sub/../../secret", "fi\0le", "half\ud800"),
        *(
            ".git",
            "sub/.git",
            ".GIT/config",
            ".git /config",
            "sub/.git/x",
            "git~1",
            ".g\u200cit",
            ".git::$INDEX_ALLOCATION",
        ),
        *("x" * 256, "y/" * 2048, "link", "out/secret", "out", "fifo"),
    ],
)
def test_a_path_that_leads_astray_is_invalid(tree: Path, path: str) -> None:
    assert refusal(tree, path) == ("invalid", "invalid")
    assert "fifo" in os.listdir(tree)
    assert (tree.parent / "secret").read_text() == "secret"


def test_what_is_not_there_is_not_found(tree: Path) -> None:
    for path in ("none", "none/file", "file/none"):
        with pytest.raises(Refused) as caught:
            get(tree, path)
        assert caught.value.code == "not_found"
    with pytest.raises(Refused) as caught:
        put(tree, "none/file", b"x")
    assert caught.value.code == "not_found"
    with pytest.raises(Refused, match="workspace is not there") as caught:
        get(tree / "none", "file")
    assert caught.value.code == "not_found"


def test_a_socket_and_a_device_are_not_opened(tree: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(tree, os.O_RDONLY)
        try:
            listener.bind(f"/proc/self/fd/{here}/socket")
        finally:
            os.close(here)
        assert refusal(tree, "socket") == ("invalid", "invalid")
    with pytest.raises(Refused, match="neither a file nor a directory"):
        get(Path("/dev"), "null")


def test_a_written_file_replaces_the_old_one_and_keeps_its_mode(tree: Path) -> None:
    (tree / "file").chmod(0o750)
    before = (tree / "file").stat().st_ino
    told = put(tree, "file", b"new")
    assert (told["size"], told["created"], told["mode"]) == (3, False, 0o750)
    assert (tree / "file").read_bytes() == b"new"
    assert (tree / "file").stat().st_ino != before


def test_a_new_file_gets_the_mode_that_was_asked_for_but_no_special_one(tree: Path) -> None:
    assert put(tree, "sub/new", b"x")["created"]
    assert stat.S_IMODE((tree / "sub" / "new").stat().st_mode) == 0o644
    put(tree, "sub/tool", b"x", mode=0o4755)
    assert stat.S_IMODE((tree / "sub" / "tool").stat().st_mode) == 0o755


def test_a_directory_or_the_tree_itself_is_not_written_over(tree: Path) -> None:
    for path in ("sub", "", "."):
        with pytest.raises(Refused) as caught:
            put(tree, path, b"x")
        assert caught.value.code == "invalid"


def test_too_much_is_refused_before_it_is_received(tree: Path) -> None:
    with pytest.raises(Refused) as caught:
        write({"root": str(tree), "path": "big", "size": WRITE_OCTETS + 1}, Heard())
    assert caught.value.code == "too_large"


def test_an_asker_that_goes_away_leaves_the_old_file_and_nothing_else(tree: Path) -> None:
    before = sorted(os.listdir(tree))
    with pytest.raises(ConnectionError):
        write({"root": str(tree), "path": "file", "size": 100}, Heard(b"half"))
    assert (tree / "file").read_bytes() == b"0123456789"
    assert sorted(os.listdir(tree)) == before


def test_usage_counts_a_hard_link_once_and_follows_nothing(tree: Path) -> None:
    (tree / "big").write_bytes(b"x" * 100_000)
    (tree / "again").hardlink_to(tree / "big")
    heard = Heard()
    usage({"root": str(tree)}, heard)
    told = heard.told["usage"]
    assert 100_000 <= told["octets"] < 200_000
    assert told["whole"]


def test_a_path_may_hold_points_and_double_slashes() -> None:
    assert split("./a//b/.") == ["a", "b"]
    assert split("") == []
    assert not is_git(".gitignore")
    assert not is_git("git")


@given(st.text(st.sampled_from("./gGiItT ~1\0\na\u200c\udcff"), max_size=12) | st.text(max_size=300))
def test_whatever_is_asked_for_is_a_path_inside_or_refused(path: str) -> None:
    try:
        parts = split(path)
    except Refused as refused:
        assert refused.code == "invalid"
        return
    for part in parts:
        assert part not in ("", ".", "..")
        assert "/" not in part
        assert not is_git(part)
        assert len(os.fsencode(part)) <= 255


def test_octets_that_are_no_text_are_shown() -> None:
    assert shown(b"a\xffb") == "a\\xffb"
    assert shown("ä") == "ä"


def test_a_tree_deeper_than_any_path_says_that_it_was_not_seen_whole(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=here)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert any(isinstance(entry, OSError) for _, entry in walk(str(tmp_path)))
