"""A registration is taken out and put back by name, with all that it holds, and no other is touched."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.sessions import registrations
from supervisor.sessions.repositories import Repository
from tests.gitrepos import commit, git, repository
from workers.errors import Refused

SESSION = "session_0b9c1d2e-0000-4000-8000-000000000001"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A repository with a tree of ours and, beside it, the worktree of a person that is away."""
    path = repository(tmp_path / "app")
    for name, reason in (("ours", registrations.lock_reason(SESSION)), ("theirs", "on a stick")):
        git(path, "worktree", "add", "--quiet", "--lock", "--reason", reason, "-b", name, str(tmp_path / name))
    (tmp_path / "theirs").rename(tmp_path / "away")
    return path


@pytest.fixture
def here(app: Path) -> Repository:
    return Repository(str(app), f"{app}/.git", f"{app}/.git", is_bare=False)


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A directory on another file system than the repository's."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        yield Path(directory)


def test_a_registration_is_ours_by_path_and_mark(app: Path, here: Repository, tmp_path: Path) -> None:
    assert registrations.find(here, SESSION, f"{tmp_path}/ours") == f"{app}/.git/worktrees/ours"
    assert registrations.find(here, SESSION, f"{tmp_path}/theirs") is None
    assert registrations.find(here, "session_other", f"{tmp_path}/ours") is None
    assert registrations.find(here, SESSION, f"{tmp_path}/other") is None


def test_without_any_worktree_nothing_is_found(tmp_path: Path) -> None:
    path = repository(tmp_path / "bare")
    here = Repository(str(path), f"{path}/.git", f"{path}/.git", is_bare=False)
    assert registrations.find(here, SESSION, "/x") is None
    assert registrations.find_half_made(here, SESSION, "/x") == []


@pytest.mark.parametrize("far", [False, True])
def test_taken_out_and_put_back_it_is_as_it_was(
    app: Path, here: Repository, tmp_path: Path, elsewhere: Path, far: bool
) -> None:
    tree = tmp_path / "ours"
    commit(tree, {"more": "1"})
    (tree / "staged").write_text("2")
    git(tree, "add", "staged")
    (tree / "loose").write_text("3")
    before = [git(tree, "status", "--porcelain"), git(tree, "reflog"), git(tree, "rev-parse", "HEAD")]
    kept = (elsewhere if far else tmp_path) / "kept"
    admin = registrations.find(here, SESSION, str(tree))
    assert admin is not None

    registrations.take_out(admin, str(kept))
    assert [line for line in git(app, "worktree", "list").splitlines() if "/ours" in line] == []
    assert sorted(os.listdir(app / ".git" / "worktrees")) == ["theirs"]
    assert (tree / "loose").exists()

    registrations.put_back(here, str(kept), SESSION, str(tree))
    assert [git(tree, "status", "--porcelain"), git(tree, "reflog"), git(tree, "rev-parse", "HEAD")] == before
    assert registrations.find(here, SESSION, str(tree)) == admin
    assert not kept.exists()
    assert registrations.put_back(here, str(kept), SESSION, str(tree)) == admin


def test_it_can_be_put_back_to_another_place_and_beside_a_newer_one(
    app: Path, here: Repository, tmp_path: Path
) -> None:
    admin = registrations.find(here, SESSION, f"{tmp_path}/ours")
    assert admin is not None
    registrations.take_out(admin, f"{tmp_path}/kept")
    (tmp_path / "ours").rename(tmp_path / "moved")
    git(app, "worktree", "add", "--quiet", "-b", "newer", str(tmp_path / "x" / "moved"))
    assert registrations.put_back(here, f"{tmp_path}/kept", SESSION, f"{tmp_path}/moved").endswith("moved1")
    assert git(tmp_path / "moved", "rev-parse", "--show-toplevel") == f"{tmp_path}/moved"
    assert git(tmp_path / "moved", "status", "--porcelain") == ""


def test_the_last_registration_leaves_no_empty_directory(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    here = Repository(str(path), f"{path}/.git", f"{path}/.git", is_bare=False)
    git(
        path, "worktree", "add", "--quiet", "--lock", "--reason", registrations.lock_reason(SESSION), f"{tmp_path}/ours"
    )
    admin = registrations.find(here, SESSION, f"{tmp_path}/ours")
    assert admin is not None
    registrations.take_out(admin, f"{tmp_path}/kept")
    assert not (path / ".git" / "worktrees").exists()
    registrations.put_back(here, f"{tmp_path}/kept", SESSION, f"{tmp_path}/ours")
    assert git(tmp_path / "ours", "status", "--porcelain") == ""


def test_a_link_in_the_place_of_git_is_replaced_and_never_followed(here: Repository, tmp_path: Path) -> None:
    admin = registrations.find(here, SESSION, f"{tmp_path}/ours")
    assert admin is not None
    registrations.take_out(admin, f"{tmp_path}/kept")
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in (".git", ".git.rc"):
        (tmp_path / "ours" / name).unlink(missing_ok=True)
        (tmp_path / "ours" / name).symlink_to(victim)
    registrations.put_back(here, f"{tmp_path}/kept", SESSION, f"{tmp_path}/ours")
    assert victim.read_text() == "precious"
    assert git(tmp_path / "ours", "status", "--porcelain") == ""


def test_a_directory_in_the_place_of_git_is_kept_and_told(here: Repository, tmp_path: Path) -> None:
    admin = registrations.find(here, SESSION, f"{tmp_path}/ours")
    assert admin is not None
    registrations.take_out(admin, f"{tmp_path}/kept")
    (tmp_path / "ours" / ".git").unlink()
    git(tmp_path / "ours", "init", "--quiet")
    with pytest.raises(Refused) as refusal:
        registrations.put_back(here, f"{tmp_path}/kept", SESSION, f"{tmp_path}/ours")
    assert refusal.value.code == "kept"
    assert (tmp_path / "kept" / "HEAD").exists()


def test_a_registration_that_was_cut_off_is_known_by_its_mark_or_its_name(here: Repository, tmp_path: Path) -> None:
    worktrees = Path(here.common_dir) / "worktrees"
    path = f"{tmp_path}/trees/fix-abc234"
    for name in ("fix-abc234", "fix-abc2341", "marked", "foreign", "fix-abc2342"):
        (worktrees / name).mkdir()
    (worktrees / "marked" / "locked").write_text(registrations.lock_reason(SESSION))
    (worktrees / "foreign" / "locked").write_text("initializing")
    (worktrees / "fix-abc2342" / "gitdir").write_text("/somebody/else's/fix-abc2342/.git\n")
    found = registrations.find_half_made(here, SESSION, path)
    assert [os.path.basename(admin) for admin in found] == ["fix-abc234", "fix-abc2341", "marked", "ours"]


def test_what_cannot_be_read_is_not_ours(here: Repository, tmp_path: Path) -> None:
    admin = Path(here.common_dir) / "worktrees" / "ours"
    (admin / "locked").unlink()
    (admin / "locked").symlink_to(admin / "HEAD")
    assert registrations.find(here, SESSION, f"{tmp_path}/ours") is None
    (admin / "gitdir").unlink()
    os.mkfifo(admin / "gitdir")
    assert registrations.find(here, SESSION, f"{tmp_path}/ours") is None


def test_names_do_not_run_on_for_ever(here: Repository, tmp_path: Path) -> None:
    worktrees = Path(here.common_dir) / "worktrees"
    for number in range(registrations.ID_TRIES):
        (worktrees / f"full{number or ''}").mkdir()
    with pytest.raises(Refused, match="registrations of full"):
        registrations.put_back(here, f"{tmp_path}/kept", SESSION, f"{tmp_path}/full")
