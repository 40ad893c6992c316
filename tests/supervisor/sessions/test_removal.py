"""What lies in the trash goes for good; nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.sessions.removal import remove


@pytest.fixture
def trash(tmp_path: Path) -> Path:
    folder = tmp_path / "trash"
    (folder / "gone" / "tree" / "sub").mkdir(parents=True)
    (folder / "gone" / "tree" / "sub" / "file").write_bytes(b"x" * 10_000)
    (folder / "stays").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_text("precious")
    return folder


def test_a_directory_goes_with_everything_in_it(trash: Path) -> None:
    removed = remove(str(trash), "gone")
    assert removed.octets >= 10_000
    assert removed.left == []
    assert os.listdir(trash) == ["stays"]


def test_links_go_and_what_they_lead_to_stays(trash: Path, tmp_path: Path) -> None:
    tree = trash / "gone" / "tree"
    (tree / "link").symlink_to(tmp_path / "outside")
    (tree / "sub" / "up").symlink_to("../../..")
    (tree / "hard").hardlink_to(tmp_path / "outside" / "precious")
    os.mkfifo(tree / "fifo")
    assert remove(str(trash), "gone").left == []
    assert (tmp_path / "outside" / "precious").read_text() == "precious"
    assert os.listdir(trash) == ["stays"]


def test_a_link_in_the_place_of_the_directory_is_not_followed(trash: Path, tmp_path: Path) -> None:
    (trash / "link").symlink_to(tmp_path / "outside")
    assert remove(str(trash), "link").left
    assert (tmp_path / "outside" / "precious").exists()


def test_a_tree_deeper_than_any_path_goes(trash: Path) -> None:
    here = os.open(trash / "gone", os.O_RDONLY)
    for _ in range(300):
        os.mkdir("as deep as it goes", dir_fd=here)
        below = os.open("as deep as it goes", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert remove(str(trash), "gone").left == []
    assert os.listdir(trash) == ["stays"]


def test_directories_that_were_closed_are_opened_to_be_removed(trash: Path) -> None:
    tree = trash / "gone" / "tree"
    (tree / "sub" / "more").mkdir()
    for folder in (tree / "sub" / "more", tree / "sub", tree):
        folder.chmod(0o500 if folder != tree / "sub" else 0)
    assert remove(str(trash), "gone").left == []
    assert os.listdir(trash) == ["stays"]


def test_names_that_are_like_our_own_do_not_get_in_the_way(trash: Path) -> None:
    for name in (".0", ".1", ".2"):
        (trash / "gone" / name / "x").mkdir(parents=True)
        (trash / "gone" / name / "x" / "file").touch()
    assert remove(str(trash), "gone").left == []
    assert os.listdir(trash) == ["stays"]


def test_a_second_try_goes_on_where_the_first_ended(trash: Path) -> None:
    (trash / "gone" / ".5" / ".0").mkdir(parents=True)
    assert remove(str(trash), "gone").left == []


def test_only_a_name_is_taken(trash: Path) -> None:
    for name in ("", ".", "..", "a/b", "../outside"):
        with pytest.raises(AssertionError):
            remove(str(trash), name)


def test_what_is_not_there_is_told(trash: Path) -> None:
    assert remove(str(trash), "none").left == ["none: No such file or directory"]


def _namespaces() -> bool:
    return subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not _namespaces(), reason="this machine forbids namespaces of an account's own")
def test_a_mount_is_neither_entered_nor_removed(trash: Path, tmp_path: Path) -> None:
    tree, outside = trash / "gone" / "tree", tmp_path / "outside"
    (tree / "mount").mkdir()
    code = f"from supervisor.sessions.removal import remove; print(remove({str(trash)!r}, 'gone').left)"
    script = f'mount --bind {outside} {tree}/mount && exec {sys.executable} -c "$1"'
    ran = subprocess.run(["unshare", "-rm", "sh", "-c", script, "sh", code], capture_output=True, text=True)
    assert "mount: Device or resource busy" in ran.stdout, ran.stderr
    assert (outside / "precious").exists()
    assert not (tree / "sub").exists()
