"""Where a tree begins, and how often origin is asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import trio
import trio.testing

from supervisor.sessions.bases import Base, Fetcher, resolve_base
from supervisor.sessions.repositories import Repository, discover
from tests.gitrepos import alive, clone, commit, empty_repository, git, repository
from tests.waiting import until
from workers.errors import Refused


async def found(path: Path) -> Repository:
    repository = await discover(str(path))
    assert repository is not None
    return repository


def count_fetches(path: Path, first: str = "") -> Path:
    """Have every fetch of this clone leave a line in a file; `first` is what origin does before it answers."""
    log = path.parent / "fetches"
    log.touch()
    script = path.parent / "upload-pack"
    script.write_text(f"#!/bin/sh\necho $$ >> '{log}'\n{first}\nexec git-upload-pack \"$@\"\n")
    script.chmod(0o755)
    git(path, "config", "remote.origin.uploadpack", str(script))
    return log


async def test_fresh_is_what_origin_has_now(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin")
    copy = clone(origin, tmp_path / "app")
    newer = commit(origin, {"news": "1"})
    assert await resolve_base(await found(copy), "fresh", Fetcher()) == Base(newer, "origin/main")
    assert git(copy, "rev-parse", "HEAD") != newer
    assert not (copy / ".git" / "FETCH_HEAD").exists()


async def test_fresh_follows_a_history_that_was_rewritten(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin")
    copy = clone(origin, tmp_path / "app")
    git(origin, "commit", "--quiet", "--amend", "-m", "other")
    base = await resolve_base(await found(copy), "fresh", Fetcher())
    assert (base.commit, base.notice) == (git(origin, "rev-parse", "HEAD"), None)


async def test_many_who_ask_at_once_share_one_fetch(tmp_path: Path) -> None:
    copy = clone(repository(tmp_path / "origin"), tmp_path / "app")
    log = count_fetches(copy)
    fetcher, here = Fetcher(), await found(copy)
    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(resolve_base, here, "fresh", fetcher)
    assert len(log.read_text().splitlines()) == 1


async def test_a_fetch_is_repeated_only_after_some_seconds(tmp_path: Path) -> None:
    copy = clone(repository(tmp_path / "origin"), tmp_path / "app")
    log = count_fetches(copy)
    now = [100.0]
    fetcher, here = Fetcher(clock=lambda: now[0]), await found(copy)
    for seconds, fetches in ((0.0, 1), (4.9, 1), (0.2, 2)):
        now[0] += seconds
        await resolve_base(here, "fresh", fetcher)
        assert len(log.read_text().splitlines()) == fetches


async def test_when_the_fetch_fails_the_last_known_is_taken_and_it_says_so(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin")
    copy = clone(origin, tmp_path / "app")
    known = git(copy, "rev-parse", "origin/main")
    shutil.rmtree(origin)
    base = await resolve_base(await found(copy), "fresh", Fetcher())
    assert (base.commit, base.ref) == (known, "origin/main")
    assert base.notice is not None and "could not be fetched" in base.notice and "origin/main" in base.notice


async def test_an_origin_that_does_not_answer_is_not_waited_for_long(tmp_path: Path) -> None:
    copy = clone(repository(tmp_path / "origin"), tmp_path / "app")
    log = count_fetches(copy, "sleep 100")
    base = await resolve_base(await found(copy), "fresh", Fetcher(seconds=0.2))
    assert base.notice is not None and "it took longer than 0.2 s" in base.notice
    assert not alive(int(log.read_text()))


async def test_when_the_one_who_fetches_goes_away_another_takes_over(tmp_path: Path) -> None:
    copy = clone(repository(tmp_path / "origin"), tmp_path / "app")
    log = count_fetches(copy, f"test -e '{tmp_path}/go' || sleep 100")
    fetcher, here = Fetcher(), await found(copy)
    bases: list[Base] = []

    async def ask(scope: trio.CancelScope) -> None:
        with scope:
            bases.append(await resolve_base(here, "fresh", fetcher))

    first, second = trio.CancelScope(), trio.CancelScope()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, first)
        await trio.to_thread.run_sync(until, log.read_text)
        nursery.start_soon(ask, second)
        await trio.testing.wait_all_tasks_blocked()
        (tmp_path / "go").touch()
        first.cancel()
    assert [base.notice for base in bases] == [None]
    assert len(log.read_text().splitlines()) == 2


async def test_without_origin_fresh_is_the_local_head(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    commit_id = git(path, "rev-parse", "HEAD")
    assert await resolve_base(await found(path), "fresh", Fetcher()) == Base(commit_id, "main")


async def test_an_origin_head_that_points_nowhere_is_fetched_first(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin")
    copy = clone(origin, tmp_path / "app")
    git(copy, "update-ref", "-d", "refs/remotes/origin/main")
    assert (await resolve_base(await found(copy), "fresh", Fetcher())).ref == "origin/main"
    git(copy, "update-ref", "-d", "refs/remotes/origin/main")
    shutil.rmtree(origin)
    assert (await resolve_base(await found(copy), "fresh", Fetcher())).ref == "main"


async def test_head_is_that_of_the_work_tree_which_was_named(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    first = git(path, "rev-parse", "HEAD")
    git(path, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "linked"))
    second = commit(tmp_path / "linked", {"more": "1"})
    assert await resolve_base(await found(path), "head", Fetcher()) == Base(first, "main")
    assert await resolve_base(await found(tmp_path / "linked"), "head", Fetcher()) == Base(second, "other")


async def test_a_detached_head_is_called_head(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    git(path, "checkout", "--quiet", "--detach")
    assert (await resolve_base(await found(path), "head", Fetcher())).ref == "HEAD"


@pytest.mark.parametrize("base", ["fresh", "head"])
async def test_without_a_commit_there_is_nothing_to_begin_at(tmp_path: Path, base: str) -> None:
    path = empty_repository(tmp_path / "app")
    with pytest.raises(Refused, match="has no commit on its branch main yet") as refusal:
        await resolve_base(await found(path), base, Fetcher())
    assert refusal.value.code == "not_a_repository"


async def test_a_head_that_cannot_be_read_is_told_as_git_tells_it(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    here = await found(path)
    (path / ".git" / "HEAD").write_text("f" * 40 + "\n")
    with pytest.raises(Refused) as refusal:
        await resolve_base(here, "head", Fetcher())
    assert refusal.value.code == "git_failed"


async def test_branches_tags_commits_and_steps_back_are_bases(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    first = git(path, "rev-parse", "HEAD")
    git(path, "tag", "-a", "v1.0", "-m", "one")
    git(path, "branch", "feature/#12-ä")
    second = commit(path, {"more": "1"})
    here = await found(path)
    for base, commit_id in {
        "v1.0": first,
        "feature/#12-ä": first,
        "main~1": first,
        "HEAD^": first,
        "main": second,
        first[:12]: first,
        second: second,
        "refs/heads/main": second,
    }.items():
        assert await resolve_base(here, base, Fetcher()) == Base(commit_id, base)


async def test_a_branch_that_only_origin_has_is_found_by_its_plain_name(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin")
    git(origin, "branch", "feature")
    copy = clone(origin, tmp_path / "app")
    base = await resolve_base(await found(copy), "feature", Fetcher())
    assert base.ref == "origin/feature"


@pytest.mark.parametrize(
    "base",
    [
        "nope", "", " ", "-x", "--all", "main..other", "@{1}", "main@{yesterday}", ":/first", "HEAD:README", "a b",
        "main^{tree}", "x" * 300, "main\n", "main\0", "*", "a//b", "a.lock", ".a", "f" * 40, "main...x", "\x1b[31m",
    ],
)  # fmt: skip
async def test_what_names_no_commit_is_a_bad_base(tmp_path: Path, base: str) -> None:
    path = repository(tmp_path / "app")
    with pytest.raises(Refused) as refusal:
        await resolve_base(await found(path), base, Fetcher())
    assert refusal.value.code == "bad_base"
    assert refusal.value.detail.isprintable()


async def test_a_name_of_something_else_than_a_commit_is_a_bad_base(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    git(path, "tag", "blob", git(path, "rev-parse", "HEAD:README"))
    with pytest.raises(Refused) as refusal:
        await resolve_base(await found(path), "blob", Fetcher())
    assert refusal.value.code == "bad_base"


async def test_a_fetch_touches_nothing_but_the_one_branch(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin")
    copy = clone(origin, tmp_path / "app")
    git(origin, "branch", "feature")
    git(origin, "tag", "v9")
    commit(origin, {"news": "1"})
    await resolve_base(await found(copy), "fresh", Fetcher())
    assert git(copy, "for-each-ref", "--format=%(refname)").splitlines() == [
        "refs/heads/main",
        "refs/remotes/origin/HEAD",
        "refs/remotes/origin/main",
    ]
