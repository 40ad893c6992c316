"""The record beside a tree tells what was to come there."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
from pathlib import Path

import pytest

from supervisor.sessions.makings import Tree, begin, forget, forget_if_empty, found, read


def tree(tmp_path: Path, name: str = "fix-abc234") -> Tree:
    home = tmp_path / "worktrees" / "app-00000000"
    home.mkdir(parents=True, exist_ok=True)
    return Tree("session_1", f"{home}/{name}", f"rc/{name}", "f" * 40, "origin/main", "/app/.git", ("notice",))


def test_what_is_begun_is_found_again(tmp_path: Path) -> None:
    making = begin(tree(tmp_path))
    assert found(f"{tmp_path}/worktrees") == [making.tree.path]
    assert read(making.tree.path) == tree(tmp_path)
    making.rename_branch("rc-x")
    assert read(making.tree.path) == making.tree
    assert making.tree.branch == "rc-x"
    making.close()


def test_the_record_is_locked_while_the_tree_is_made(tmp_path: Path) -> None:
    making = begin(tree(tmp_path))
    other = os.open(making.tree.path + ".making", os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    making.close()
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


def test_what_is_forgotten_is_found_no_more(tmp_path: Path) -> None:
    making = begin(tree(tmp_path))
    making.close()
    forget(making.tree.path)
    forget(making.tree.path)
    assert found(f"{tmp_path}/worktrees") == []
    assert read(making.tree.path) is None
    assert os.path.isdir(making.tree.path)


def test_a_path_is_taken_once_and_what_lies_there_stays(tmp_path: Path) -> None:
    begin(tree(tmp_path)).close()
    Path(tree(tmp_path).path, "work").write_text("precious")
    with pytest.raises(FileExistsError):
        begin(tree(tmp_path))
    assert read(tree(tmp_path).path) is not None
    assert Path(tree(tmp_path).path, "work").exists()


def test_a_path_whose_tree_was_settled_is_not_taken_again(tmp_path: Path) -> None:
    begin(tree(tmp_path)).close()
    forget(tree(tmp_path).path)
    with pytest.raises(FileExistsError):
        begin(tree(tmp_path))
    assert os.path.isdir(tree(tmp_path).path)
    assert found(f"{tmp_path}/worktrees") == []


def test_a_record_that_was_cut_off_at_once_goes_with_its_empty_directory(tmp_path: Path) -> None:
    path = tree(tmp_path).path
    os.mkdir(path)
    Path(path + ".making").touch()
    assert forget_if_empty(path)
    assert not os.path.exists(path) and found(f"{tmp_path}/worktrees") == []


def test_an_empty_record_beside_a_tree_with_files_goes_alone(tmp_path: Path) -> None:
    path = tree(tmp_path).path
    os.mkdir(path)
    Path(path, "work").write_text("precious")
    Path(path + ".making").touch()
    assert forget_if_empty(path)
    assert Path(path, "work").exists() and found(f"{tmp_path}/worktrees") == []


def test_a_record_that_is_gone_meanwhile_is_no_reason_not_to_start(tmp_path: Path) -> None:
    assert not forget_if_empty(tree(tmp_path).path)


def test_a_record_that_says_something_stays(tmp_path: Path) -> None:
    making = begin(tree(tmp_path))
    making.close()
    assert not forget_if_empty(making.tree.path)
    assert read(making.tree.path) == making.tree


def test_on_a_full_disk_neither_directory_nor_record_is_left(tmp_path: Path) -> None:
    wanted = tree(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError):
            begin(wanted)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert not os.path.exists(wanted.path) and found(f"{tmp_path}/worktrees") == []


def test_beside_a_foreign_record_no_tree_is_begun(tmp_path: Path) -> None:
    Path(tree(tmp_path).path + ".making").write_text("other")
    with pytest.raises(FileExistsError):
        begin(tree(tmp_path))
    assert not os.path.exists(tree(tmp_path).path)
    assert Path(tree(tmp_path).path + ".making").read_text() == "other"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"session": 1}', '{"notices": 3}'])
def test_a_torn_record_is_found_but_says_nothing(tmp_path: Path, text: str) -> None:
    path = tree(tmp_path).path
    Path(path + ".making").write_text(text)
    assert found(f"{tmp_path}/worktrees") == [path]
    assert read(path) is None


def test_a_record_that_speaks_of_another_path_says_nothing(tmp_path: Path) -> None:
    making = begin(tree(tmp_path))
    making.close()
    os.rename(making.tree.path + ".making", making.tree.path + "x.making")
    assert read(making.tree.path + "x") is None


def test_where_no_tree_was_ever_made_nothing_is_found(tmp_path: Path) -> None:
    assert found(f"{tmp_path}/worktrees") == []
