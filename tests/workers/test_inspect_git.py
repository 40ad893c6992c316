"""The diff of a tree: everything in it, tracked or not."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.workers.asking import Ground, Heard
from workers.errors import Refused
from workers.inspect_git import PATCH_OCTETS, answer, changed_files
from workers.inspect_repository import Repository
from workers.inspect_shadow import shadow


def diff(ground: Ground, **other: Any) -> tuple[dict[str, dict[str, Any]], str]:
    heard = Heard()
    answer(ground.diff(**other), heard)
    assert ground.left() == []
    return {file["path"]: file for file in heard.told["diff"]["files"]}, heard.octets.decode(errors="replace")


def test_an_untouched_tree_has_an_empty_diff(ground: Ground) -> None:
    assert diff(ground) == ({}, "")


def test_committed_staged_changed_untracked_and_deleted_files_are_all_in_it(ground: Ground) -> None:
    ground.commit("committed")
    (ground.tree / "staged").write_text("staged\n")
    ground.git("add", "staged")
    (ground.tree / "a").write_text("one\ntwo\n")
    (ground.tree / "b").unlink()
    (ground.tree / "untracked").write_text("1\n2\n3\n")
    (ground.tree / "ignored.log").write_text("ignored")
    files, patch = diff(ground)
    assert {path: (file["status"], file["added"], file["removed"]) for path, file in files.items()} == {
        "a": ("M", 2, 1),
        "b": ("D", 0, 1),
        "committed": ("A", 1, 0),
        "staged": ("A", 1, 0),
        "untracked": ("A", 3, 0),
    }
    assert "+++ b/untracked\n@@ -0,0 +1,3 @@\n+1\n" in patch
    against_head, _ = diff(ground, against=None)
    assert set(against_head) == {"a", "b", "staged", "untracked"}


def test_it_leaves_the_tree_its_index_and_the_repository_as_they_were(ground: Ground) -> None:
    (ground.tree / "untracked").write_text("x")
    before = ground.git("status", "--porcelain"), (ground.gitdir / "index").read_bytes()
    objects = sorted(path.name for path in (ground.repository / ".git" / "objects").rglob("*"))
    diff(ground)
    assert (ground.gitdir / "index").read_bytes() == before[1]
    assert ground.git("status", "--porcelain") == before[0]
    assert sorted(path.name for path in (ground.repository / ".git" / "objects").rglob("*")) == objects


def test_a_binary_file_is_marked_and_not_counted(ground: Ground) -> None:
    (ground.tree / "picture").write_bytes(bytes(range(256)))
    files, patch = diff(ground)
    assert files["picture"]["binary"]
    assert "Binary files /dev/null and b/picture differ" in patch


def test_a_change_that_git_was_told_to_overlook_is_shown(ground: Ground) -> None:
    ground.git("update-index", "--assume-unchanged", "a")
    ground.git("update-index", "--skip-worktree", "b")
    for name in ("a", "b"):
        (ground.tree / name).write_text("other\n")
    assert set(diff(ground)[0]) == {"a", "b"}


def test_a_link_is_shown_as_a_link_and_not_followed(ground: Ground) -> None:
    (ground.tree / "link").symlink_to("/etc/passwd")
    files, patch = diff(ground)
    assert files["link"]["status"] == "A"
    assert "new file mode 120000" in patch
    assert "root:" not in patch


def test_a_fifo_in_the_place_of_a_file_stops_nobody(ground: Ground) -> None:
    (ground.tree / "a").unlink()
    os.mkfifo(ground.tree / "a")
    os.mkfifo(ground.tree / "new")
    (ground.tree / "b").write_text("other\n")
    files, patch = diff(ground)
    assert set(files) == {"a", "b"}
    assert files["a"]["binary"]
    assert "+++ b/b" in patch
    assert "b/a" not in patch


def test_a_directory_in_the_place_of_a_file_is_shown(ground: Ground) -> None:
    (ground.tree / "a").unlink()
    (ground.tree / "a").mkdir()
    (ground.tree / "a" / "below").write_text("x\n")
    files, _ = diff(ground)
    assert {path: file["status"] for path, file in files.items()} == {"a": "D", "a/below": "A"}


def test_names_that_are_not_text_or_look_like_options_are_shown(ground: Ground) -> None:
    for name in (b"\xff", b"-x", b"new\nline", "ä".encode(), b":(glob)x", b"tab\tx"):
        with open(os.fsencode(ground.tree) + b"/" + name, "w") as file:
            file.write("x\n")
    files, _ = diff(ground)
    assert set(files) == {"\\xff", "-x", "new\nline", "ä", ":(glob)x", "tab\tx"}
    assert all(file["added"] == 1 for file in files.values())


def test_files_in_conflict_are_listed_once(ground: Ground) -> None:
    ground.git("checkout", "-q", "-b", "other")
    (ground.tree / "a").write_text("theirs\n")
    ground.git("commit", "-qam", "theirs")
    ground.git("checkout", "-q", "rc/fix")
    (ground.tree / "a").write_text("ours\n")
    ground.git("commit", "-qam", "ours")
    ground.git("merge", "-q", "other", check=False)
    files, patch = diff(ground, against=None)
    assert [file["status"] for file in files.values()] == ["M"]
    assert "<<<<<<<" in patch


def test_a_patch_that_is_too_long_is_cut_at_a_line(ground: Ground) -> None:
    (ground.tree / "long").write_text("0123456789\n" * (PATCH_OCTETS // 11))
    heard = Heard()
    answer(ground.diff(), heard)
    assert heard.told["diff"]["truncated"]
    assert heard.told["diff"]["files"][0]["added"] == PATCH_OCTETS // 11
    assert len(heard.octets) <= PATCH_OCTETS
    assert heard.octets.endswith(b"\n+0123456789\n")


def test_a_list_that_is_too_long_is_cut(ground: Ground) -> None:
    for name in ("a", "b", "d/c"):
        (ground.tree / name).write_text("other\n")
    repository = Repository.at(str(ground.gitdir))
    with shadow(repository, str(ground.tree), str(ground.scratch)) as git:
        assert [file["path"] for file in changed_files(git, ground.base, most=2)[0]] == ["a", "b"]
        assert not changed_files(git, ground.base, most=2)[1]
        assert changed_files(git, ground.base, most=3)[1]


def test_a_submodule_at_another_commit_is_one_line(ground: Ground) -> None:
    sub = ground.tree / "sub"
    ground.git("-c", "protocol.file.allow=always", "clone", "-q", str(ground.repository), str(sub))
    ground.git("update-index", "--add", "--cacheinfo", f"160000,{ground.base},sub")
    (sub / "a").write_text("other")
    files, patch = diff(ground)
    assert files["sub"]["status"] == "A"
    assert f"+Subproject commit {ground.base}" in patch
    assert "other" not in patch


def test_a_repository_inside_the_tree_is_left_alone(ground: Ground) -> None:
    ground.git("init", "-q", "nested")
    (ground.tree / "nested" / "file").write_text("x")
    assert diff(ground) == ({}, "")


def test_the_project_itself_is_found_from_any_directory_in_it(ground: Ground) -> None:
    (ground.repository / "a").write_text("other\n")
    files, _ = diff(ground, root=str(ground.repository / "d"), gitdir=None, against=None)
    assert set(files) == {"a"}


def test_before_the_first_commit_everything_is_new(ground: Ground) -> None:
    fresh = ground.top / "fresh"
    ground.git("init", "-q", str(fresh))
    (fresh / "file").write_text("x\n")
    files, _ = diff(ground, root=str(fresh), gitdir=None, against=None)
    assert files["file"]["status"] == "A"


def test_a_repository_of_the_other_hash_is_read(ground: Ground) -> None:
    fresh = ground.top / "fresh"
    ground.git("init", "-q", "--object-format=sha256", str(fresh))
    (fresh / "file").write_text("x\n")
    assert set(diff(ground, root=str(fresh), gitdir=None, against=None)[0]) == {"file"}
    ground.git("add", ".", at=fresh)
    ground.git("commit", "-qm", "x", at=fresh)
    assert diff(ground, root=str(fresh), gitdir=None, against=None)[0] == {}


def test_outside_of_git_it_is_refused(ground: Ground) -> None:
    with pytest.raises(Refused) as caught:
        diff(ground, root=str(ground.top / "home"), gitdir=None)
    assert caught.value.code == "not_a_repository"


def test_a_workspace_that_is_gone_is_not_found(ground: Ground) -> None:
    with pytest.raises(Refused) as caught:
        diff(ground, root=str(ground.top / "none"))
    assert caught.value.code == "not_found"


def test_what_is_no_commit_is_refused_and_what_is_not_there_fails(ground: Ground) -> None:
    for against, code in (("--output=/tmp/x", "invalid"), ("1" * 40, "git_failed")):
        with pytest.raises(Refused) as caught:
            diff(ground, against=against)
        assert caught.value.code == code


def test_line_ends_and_modes_are_compared_as_the_person_set_them(ground: Ground) -> None:
    ground.git("config", "core.fileMode", "false")
    (ground.top / "home" / ".gitconfig").write_text("[core]\n\tautocrlf = true\n")
    (ground.tree / "a").write_bytes(b"a\r\n")
    (ground.tree / "b").chmod(0o755)
    assert diff(ground, against=None)[0]  # not under this process's HOME
    ground.git("config", "core.autocrlf", "input")
    assert diff(ground, against=None) == ({}, "")
