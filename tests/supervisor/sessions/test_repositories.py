"""Which repository a directory belongs to, in all the shapes that repositories have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervisor.sessions import git as running
from supervisor.sessions.repositories import NO_REPOSITORY, ProjectFacts, describe, discover, understand
from tests.gitrepos import clone, commit, empty_repository, git, repository
from workers.errors import Refused


async def test_outside_git_there_is_none(tmp_path: Path) -> None:
    assert await discover(str(tmp_path)) is None
    assert await describe(str(tmp_path)) == NO_REPOSITORY


@pytest.mark.parametrize("name", ["app", "with space", "mäßig 修复", "-rf", "--help", "a'b\"c", "x.git"])
async def test_a_repository_is_found_whatever_its_name(tmp_path: Path, name: str) -> None:
    path = repository(tmp_path / name)
    found = await discover(str(path))
    assert found is not None
    assert (found.root, found.git_dir, found.common_dir) == (str(path), f"{path}/.git", f"{path}/.git")
    assert not found.is_bare


async def test_a_name_that_is_no_text_is_found_too(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff")
    repository(Path(path))
    found = await discover(path)
    assert found is not None and found.root == path
    assert found.label.startswith("bad-")


async def test_a_sub_directory_belongs_to_the_repository_around_it(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    found = await discover(str(path / "sub" / "deep"))
    assert found is not None and found.root == str(path)


async def test_a_linked_worktree_shares_the_repository_but_has_its_own_head(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    git(path, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "linked"))
    found = await discover(str(tmp_path / "linked" / "sub"))
    assert found is not None
    assert (found.root, found.common_dir) == (str(tmp_path / "linked"), f"{path}/.git")
    assert found.git_dir == f"{path}/.git/worktrees/linked"
    main = await discover(str(path))
    assert main is not None and main.label == found.label


async def test_a_submodule_is_a_repository_of_its_own(tmp_path: Path) -> None:
    repository(tmp_path / "library")
    path = repository(tmp_path / "app")
    git(path, "submodule", "--quiet", "add", str(tmp_path / "library"), "lib")
    found = await discover(str(path / "lib"))
    assert found is not None
    assert (found.root, found.common_dir) == (f"{path}/lib", f"{path}/.git/modules/lib")


async def test_a_bare_repository_is_its_own_root(tmp_path: Path) -> None:
    origin = repository(tmp_path / "app")
    git(tmp_path, "clone", "--quiet", "--bare", str(origin), "app.git")
    found = await discover(str(tmp_path / "app.git"))
    assert found is not None and found.is_bare
    assert found.root == found.common_dir == f"{tmp_path}/app.git"
    assert found.label.startswith("app-")


async def test_a_link_to_a_project_leads_to_the_repository_behind_it(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    (tmp_path / "link").symlink_to(path)
    found = await discover(str(tmp_path / "link"))
    assert found is not None and found.root == str(path)


async def test_two_repositories_of_one_name_have_two_labels(tmp_path: Path) -> None:
    one, two = (
        await discover(str(repository(tmp_path / "1" / "app"))),
        await discover(str(repository(tmp_path / "2" / "app"))),
    )
    assert one is not None and two is not None
    assert one.label != two.label
    assert one.label.startswith("app-") and len(one.label) == len("app-") + 8


async def test_a_broken_repository_is_refused_with_its_cause(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    (path / ".git" / "HEAD").unlink()
    with pytest.raises(Refused, match="that git cannot read") as refusal:
        await discover(str(path))
    assert refusal.value.code == "not_a_repository"


async def test_past_a_broken_repository_the_one_around_it_is_never_taken(tmp_path: Path) -> None:
    outer = repository(tmp_path / "outer")
    inner = repository(outer / "inner")
    (inner / ".git" / "HEAD").unlink()
    with pytest.raises(Refused, match="that git cannot read"):
        await discover(str(inner))


@pytest.mark.parametrize("content", ["gitdir: /nowhere\n", "nonsense\n", ""])
async def test_a_git_file_that_leads_nowhere_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "app"
    path.mkdir()
    (path / ".git").write_text(content)
    with pytest.raises(Refused):
        await discover(str(path))
    assert await describe(str(path)) == NO_REPOSITORY


async def test_a_bare_repository_inside_another_one_is_itself(tmp_path: Path) -> None:
    outer = repository(tmp_path / "outer")
    git(outer, "clone", "--quiet", "--bare", str(outer), "inner.git")
    found = await discover(str(outer / "inner.git"))
    assert found is not None and found.root == f"{outer}/inner.git"


async def test_the_repository_of_another_account_says_what_allows_it(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    another = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
    ran = await running.run("rev-parse", "--git-dir", cwd=str(path), env=another)
    with pytest.raises(Refused, match="dubious ownership") as refusal:
        understand(str(path), ran)
    assert "safe.directory" in refusal.value.hint


async def test_a_directory_that_has_vanished_is_a_project_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        await discover(str(tmp_path / "gone"))
    assert refusal.value.code == "project_gone"
    assert await describe(str(tmp_path / "gone")) == NO_REPOSITORY


async def test_a_path_with_a_line_break_is_refused_before_git_sees_it(tmp_path: Path) -> None:
    path = repository(tmp_path / "a\nb")
    with pytest.raises(Refused, match="line break"):
        await discover(str(path))


async def test_a_list_shows_branch_and_commit(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    first = git(path, "rev-parse", "HEAD")
    assert await describe(str(path / "sub")) == ProjectFacts(True, "main", first)
    git(path, "checkout", "--quiet", "-b", "feature/x")
    second = commit(path, {"new": "1"})
    git(path, "pack-refs", "--all")
    assert await describe(str(path)) == ProjectFacts(True, "feature/x", second)
    git(path, "checkout", "--quiet", "--detach", "main")
    assert await describe(str(path)) == ProjectFacts(True, None, first)
    git(path, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "linked"))
    assert await describe(str(tmp_path / "linked")) == ProjectFacts(True, "other", first)


async def test_a_repository_without_a_commit_has_a_branch_only(tmp_path: Path) -> None:
    facts = await describe(str(empty_repository(tmp_path / "app")))
    assert facts == ProjectFacts(True, "main", None)
    assert not facts.has_commit


async def test_a_list_says_what_is_bare(tmp_path: Path) -> None:
    origin = repository(tmp_path / "app")
    git(tmp_path, "clone", "--quiet", "--bare", str(origin), "app.git")
    facts = await describe(str(tmp_path / "app.git"))
    assert facts == ProjectFacts(True, "main", git(origin, "rev-parse", "HEAD"), bare=True)
    assert (await describe(str(clone(origin, tmp_path / "copy")))).has_commit
