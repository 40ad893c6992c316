"""Refs change only from the value that they are known to have."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.sessions.refs import (
    archive_refs,
    archived,
    create_branch,
    delete_branch_if_at,
    drop_archive,
    has_ref,
)
from supervisor.sessions.repositories import Repository, discover
from tests.gitrepos import commit, git, repository
from workers.errors import Refused

SESSION = "session_0b9c1d2e-0000-4000-8000-000000000001"


async def made(tmp_path: Path) -> tuple[Path, Repository, str]:
    path = repository(tmp_path / "app")
    found = await discover(str(path))
    assert found is not None
    return path, found, git(path, "rev-parse", "HEAD")


async def test_a_branch_is_made_once(tmp_path: Path) -> None:
    path, here, first = await made(tmp_path)
    assert await create_branch(here, "rc/fix-abc234", first)
    assert git(path, "rev-parse", "rc/fix-abc234") == first
    assert not await create_branch(here, "rc/fix-abc234", first)


async def test_beside_a_branch_rc_there_is_no_rc_slash_anything(tmp_path: Path) -> None:
    path, here, first = await made(tmp_path)
    git(path, "branch", "rc")
    git(path, "pack-refs", "--all")
    assert not await create_branch(here, "rc/fix-abc234", first)
    assert await create_branch(here, "rc-fix-abc234", first)


async def test_a_branch_at_a_commit_that_is_not_there_is_an_error_of_git(tmp_path: Path) -> None:
    _, here, _ = await made(tmp_path)
    with pytest.raises(Refused) as refusal:
        await create_branch(here, "rc/fix-abc234", "f" * 40)
    assert refusal.value.code == "git_failed"


async def test_a_branch_is_deleted_only_from_where_it_was(tmp_path: Path) -> None:
    path, here, first = await made(tmp_path)
    git(path, "branch", "mine")
    second = commit(path, {"more": "1"})
    git(path, "branch", "--force", "mine", second)
    assert not await delete_branch_if_at(here, "mine", first)
    assert await has_ref(here, "refs/heads/mine")
    assert await delete_branch_if_at(here, "mine", second)
    assert not await has_ref(here, "refs/heads/mine")
    assert await delete_branch_if_at(here, "mine", second)


async def test_what_is_archived_outlives_its_branch_and_can_be_let_go(tmp_path: Path) -> None:
    path, here, first = await made(tmp_path)
    git(path, "checkout", "--quiet", "-b", "work")
    second = commit(path, {"more": "1"})
    git(path, "checkout", "--quiet", "main")
    await archive_refs(here, SESSION, {"head": second, "reflog/1": first})
    await archive_refs(here, SESSION, {"head": second, "reflog/1": first})
    git(path, "branch", "--quiet", "-D", "work")
    git(path, "reflog", "expire", "--expire=now", "--all")
    git(path, "gc", "--quiet", "--prune=now")
    assert await archived(here, SESSION) == {"head": second, "reflog/1": first}
    assert git(path, "cat-file", "-t", second) == "commit"
    await drop_archive(here, SESSION)
    assert await archived(here, SESSION) == {}


async def test_an_archive_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    _, here, first = await made(tmp_path)
    with pytest.raises(Refused):
        await archive_refs(here, SESSION, {"head": first, "other": "f" * 40})
    assert await archived(here, SESSION) == {}


async def test_one_session_does_not_see_the_archive_of_another(tmp_path: Path) -> None:
    _, here, first = await made(tmp_path)
    await archive_refs(here, SESSION, {"head": first})
    assert await archived(here, SESSION[:-1]) == {}


@pytest.mark.parametrize(
    "name", ["", "-x", "a..b", "a\nb", "a\0b", "x.lock", "a/.b", "a//b", "a/", "a b", "../../heads/main"]
)
async def test_no_name_leads_out_of_its_place(tmp_path: Path, name: str) -> None:
    _, here, first = await made(tmp_path)
    with pytest.raises(Refused) as refusal:
        await archive_refs(here, SESSION, {name: first})
    assert refusal.value.code == "invalid"
    with pytest.raises(Refused):
        await create_branch(here, name, first)


@pytest.mark.parametrize("commit_id", ["HEAD", "", "0" * 39, "main", "g" * 40])
async def test_only_a_whole_commit_id_is_taken(tmp_path: Path, commit_id: str) -> None:
    _, here, _ = await made(tmp_path)
    with pytest.raises(Refused) as refusal:
        await create_branch(here, "x", commit_id)
    assert refusal.value.code == "invalid"
