"""A git directory read as plain files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.workers.asking import Ground
from workers.errors import Refused
from workers.inspect_repository import SMALL, Logged, Repository, read_file, read_gitfile


@pytest.fixture
def repository(ground: Ground) -> Repository:
    return Repository.at(str(ground.gitdir))


def test_a_linked_tree_has_its_own_directory_and_shares_another(ground: Ground, repository: Repository) -> None:
    assert repository.gitdir == str(ground.gitdir)
    assert repository.common == str(ground.repository / ".git")


def test_what_is_no_git_directory_is_refused(ground: Ground) -> None:
    with pytest.raises(Refused, match="not a git directory"):
        Repository.at(str(ground.top / "home"))


def test_the_repository_around_a_directory_is_found_by_directory_or_file(ground: Ground) -> None:
    for start, top in ((ground.repository / "d", ground.repository), (ground.tree / "d", ground.tree)):
        found = Repository.around(str(start))
        assert found is not None
        assert found[1] == str(top)
        assert found[0].common == str(ground.repository / ".git")
    assert Repository.around("/proc") is None


def test_head_is_a_branch_a_commit_or_not_born(ground: Ground, repository: Repository) -> None:
    assert repository.head() == ("refs/heads/rc/fix", ground.base)
    ground.git("checkout", "-q", "--detach")
    assert repository.head() == (None, ground.base)
    (ground.gitdir / "HEAD").write_text("ref: refs/heads/none\n")
    assert repository.head() == ("refs/heads/none", None)


@pytest.mark.parametrize("text", ["", "nonsense", "ref: HEAD", "ref: refs/heads/../../x", "ref: refs/heads/a b"])
def test_a_head_that_git_would_not_write_is_refused(ground: Ground, repository: Repository, text: str) -> None:
    (ground.gitdir / "HEAD").write_text(f"{text}\n")
    with pytest.raises(Refused):
        repository.head()


def test_refs_are_read_loose_packed_and_through_each_other(ground: Ground, repository: Repository) -> None:
    ground.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/main")
    assert repository.resolve("refs/remotes/origin/HEAD") == ground.base
    ground.git("pack-refs", "--all", "--prune")
    assert not (ground.repository / ".git/refs/heads/main").exists()
    assert repository.resolve("refs/remotes/origin/HEAD") == ground.base
    assert repository.resolve("refs/heads/rc") is None
    assert repository.resolve("refs/heads/none") is None


def test_refs_that_lead_in_a_circle_or_hold_nonsense_are_refused(ground: Ground, repository: Repository) -> None:
    heads = ground.repository / ".git/refs/heads"
    (heads / "one").write_text("ref: refs/heads/two\n")
    (heads / "two").write_text("ref: refs/heads/one\n")
    (heads / "bad").write_text("nonsense\n")
    for name in ("one", "bad"):
        with pytest.raises(Refused):
            repository.resolve(f"refs/heads/{name}")


def test_a_loose_remote_ref_outweighs_a_packed_one(ground: Ground, repository: Repository) -> None:
    made = ground.commit("made")
    ground.git("update-ref", "refs/remotes/origin/x", made)
    ground.git("pack-refs", "--all", "--prune")
    assert repository.remotes() == {made}
    (ground.repository / ".git/refs/remotes/origin").mkdir(parents=True, exist_ok=True)
    (ground.repository / ".git/refs/remotes/origin/x").write_text(f"{ground.base}\n")
    assert repository.remotes() == {ground.base}


def test_a_reflog_is_read_from_its_beginning(ground: Ground, repository: Repository) -> None:
    made = ground.commit("made")
    log = repository.log("HEAD")
    assert log[-1] == Logged(ground.base, made, "commit: made")
    assert repository.log("refs/heads/rc/fix")[-1].new == made
    assert repository.log("refs/stash") == []


def test_own_pointers_are_those_of_this_tree_alone(ground: Ground, repository: Repository) -> None:
    made = ground.commit("made")
    ground.git("reset", "-q", "--hard", "base")
    assert repository.own_pointers() == {made}  # ORIG_HEAD
    (ground.gitdir / "FETCH_HEAD").write_text(f"{'1' * 40}\t\tbranch\n")
    (ground.repository / ".git" / "ORIG_HEAD").write_text(f"{ground.base}\n")
    assert repository.own_pointers() == {made}


def test_files_that_are_special_or_too_large_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large").write_bytes(bytes(SMALL + 1))
    for name in ("fifo", "large"):
        with pytest.raises(Refused):
            read_file(str(tmp_path / name), SMALL)
    assert read_file(str(tmp_path / "none"), SMALL) is None
    assert read_file(str(tmp_path / "large" / "none"), SMALL) is None


def test_a_gitfile_is_a_file_and_nothing_that_leads_to_one(ground: Ground) -> None:
    assert read_gitfile(str(ground.tree)) == str(ground.gitdir)
    (ground.tree / ".git").rename(ground.tree / "moved")
    assert read_gitfile(str(ground.tree)) is None
    (ground.tree / ".git").symlink_to("moved")
    assert read_gitfile(str(ground.tree)) is None
    (ground.tree / ".git").unlink()
    os.mkfifo(ground.tree / ".git")
    assert read_gitfile(str(ground.tree)) is None
    (ground.tree / ".git").unlink()
    (ground.tree / ".git").write_text("something else")
    assert read_gitfile(str(ground.tree)) is None
