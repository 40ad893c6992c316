"""Trees come whole or not at all, and nothing of anybody else's is touched on the way."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from supervisor.sessions.bases import Base, Fetcher, resolve_base
from supervisor.sessions.makings import RECORD, Tree
from supervisor.sessions.refs import create_branch
from supervisor.sessions.repositories import Repository, discover
from supervisor.sessions.worktrees import Worktrees, move_tree
from tests.gitrepos import alive, clone, commit, git, repository, traces
from tests.waiting import until
from workers.errors import Refused

SESSION = "session_0b9c1d2e-0000-4000-8000-000000000001"


class Place:
    """A project, the state directory of a box, and what both look like."""

    def __init__(self, tmp_path: Path, project: Path) -> None:
        self.project = project
        self.state = tmp_path / "state"
        self.worktrees = Worktrees(str(self.state))

    async def repository(self) -> Repository:
        found = await discover(str(self.project))
        assert found is not None
        return found

    async def base(self, wanted: str = "head") -> Base:
        return await resolve_base(await self.repository(), wanted, Fetcher())

    async def create(self, slug: str = "fix", session: str = SESSION, base: str = "head") -> Tree:
        return await self.worktrees.create(await self.repository(), session, slug, await self.base(base))

    def left(self) -> list[str]:
        """Everything in the state directory but lock files and the directories of repositories."""
        return sorted(
            os.path.relpath(os.path.join(folder, name), self.state / "worktrees")
            for folder, folders, files in os.walk(self.state / "worktrees")
            for name in (*folders, *files)
            if name != ".lock" and folder != f"{self.state}/worktrees"
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, repository(tmp_path / "app"))


def block_checkout(place: Place, tmp_path: Path, then: str = "sleep 100") -> Path:
    """Have git hang while it fills a tree: in a smudge filter, which notes its process number first."""
    commit(place.project, {".gitattributes": "blocked filter=block\n", "blocked": "1", "zzz": "after"})
    note = tmp_path / "smudge"
    git(place.project, "config", "filter.block.smudge", f"echo $$ > {note}.new; mv {note}.new {note}; {then}")
    git(place.project, "config", "filter.block.required", "true")
    return note


async def test_a_tree_is_outside_the_repository_on_a_branch_of_its_own(place: Place) -> None:
    tree = await place.create("fix-login")
    here = await place.repository()
    ending = tree.path[-6:]
    assert re.fullmatch("[a-z2-7]{6}", ending)
    assert tree.path == f"{place.state}/worktrees/{here.label}/fix-login-{ending}"
    assert tree.branch == f"rc/fix-login-{ending}"
    assert (tree.base_ref, tree.notices) == ("main", ())
    assert git(tree.path, "rev-parse", "--show-toplevel", "HEAD", "--abbrev-ref", "HEAD").splitlines() == [
        tree.path,
        tree.base_commit,
        tree.branch,
    ]
    assert git(tree.path, "status", "--porcelain", "--ignored") == ""
    assert Path(tree.path, "sub/deep/file").read_text() == "1\n"
    assert git(place.project, "status", "--porcelain") == ""


async def test_its_registration_is_locked_in_the_name_of_the_session(place: Place) -> None:
    tree = await place.create()
    assert f"locked rc session {SESSION}" in git(place.project, "worktree", "list", "--porcelain").splitlines()
    git(place.project, "worktree", "prune", "--expire=now")
    assert Path(tree.path, "README").exists()


async def test_the_branch_follows_nothing(place: Place, tmp_path: Path) -> None:
    place = Place(tmp_path, clone(place.project, tmp_path / "copy"))
    git(place.project, "config", "branch.autoSetupMerge", "always")
    before = (place.project / ".git" / "config").read_text()
    tree = await place.create(base="fresh")
    assert tree.base_ref == "origin/main"
    assert (place.project / ".git" / "config").read_text() == before


async def test_thirty_two_at_once_are_thirty_two(place: Place) -> None:
    trees: list[Tree] = []

    async def one(number: int) -> None:
        trees.append(await place.create("fix", f"session_{number}"))

    async with trio.open_nursery() as nursery:
        for number in range(32):
            nursery.start_soon(one, number)
    assert len({tree.path for tree in trees}) == len({tree.branch for tree in trees}) == 32
    assert all(git(tree.path, "status", "--porcelain") == "" for tree in trees)


async def test_fetches_beside_registrations_disturb_neither(place: Place, tmp_path: Path) -> None:
    origin = place.project
    place = Place(tmp_path, clone(origin, tmp_path / "copy"))
    notices: list[str | None] = []

    async def fetch() -> None:
        for number in range(4):
            commit(origin, {"news": str(number)})
            notices.append((await place.base("fresh")).notice)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fetch)
        for number in range(8):
            nursery.start_soon(place.create, "fix", f"session_{number}")
    assert notices == [None] * 4
    assert len(traces(place.project)[0]) == 9


@pytest.mark.parametrize("hook", ["post-checkout", "reference-transaction", "post-index-change"])
async def test_no_hook_of_the_repository_runs(place: Place, tmp_path: Path, hook: str) -> None:
    file = place.project / ".git" / "hooks" / hook
    file.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\nexit 1\n")
    file.chmod(0o755)
    await place.create()
    assert not (tmp_path / "ran").exists()


async def test_filters_that_the_user_has_set_up_run_as_in_any_checkout(place: Place) -> None:
    git(place.project, "config", "filter.shout.smudge", "tr a-z A-Z")
    commit(place.project, {".gitattributes": "loud filter=shout\n", "loud": "hello\n"})
    tree = await place.create()
    assert Path(tree.path, "loud").read_text() == "HELLO\n"


async def test_where_a_branch_is_called_rc_the_new_one_is_not_under_it(place: Place) -> None:
    git(place.project, "branch", "rc")
    tree = await place.create("fix")
    assert tree.branch == f"rc-fix-{tree.path[-6:]}"
    assert git(tree.path, "symbolic-ref", "HEAD") == f"refs/heads/{tree.branch}"


async def test_a_name_that_is_taken_is_not_taken_again(place: Place) -> None:
    rolls = iter([b"\0" * 4, b"\0" * 4, b"\1" * 4])
    place.worktrees = Worktrees(str(place.state), chance=lambda _: next(rolls))
    first = await place.create()
    Path(first.path, "work").write_text("precious")
    second = await place.create(session="session_2")
    assert (first.path[-6:], second.path[-6:]) == ("aaaaaa", "aeaqca")
    assert Path(first.path, "work").exists()


async def test_without_a_free_name_it_is_refused(place: Place) -> None:
    place.worktrees = Worktrees(str(place.state), chance=bytes)
    await place.create()
    with pytest.raises(Refused, match="no free name for fix in 5 tries"):
        await place.create(session="session_2")


async def test_a_branch_of_that_name_is_left_where_it_is(place: Place) -> None:
    place.worktrees = Worktrees(str(place.state), chance=bytes)
    git(place.project, "branch", "rc/fix-aaaaaa")
    git(place.project, "branch", "rc-fix-aaaaaa")
    elsewhere = commit(place.project, {"more": "1"})
    before = traces(place.project)
    with pytest.raises(Refused, match="there is a branch rc-fix-aaaaaa already"):
        await place.create()
    assert traces(place.project) == before
    assert git(place.project, "rev-parse", "main") == elsewhere
    assert place.left() == []


async def test_submodules_are_left_empty_and_it_says_so(place: Place, tmp_path: Path) -> None:
    repository(tmp_path / "library")
    git(place.project, "submodule", "--quiet", "add", str(tmp_path / "library"), "lib")
    git(place.project, "config", "submodule.recurse", "true")
    commit(place.project, {})
    tree = await place.create()
    assert os.listdir(Path(tree.path, "lib")) == []
    assert len(tree.notices) == 1 and "git submodule update --init" in tree.notices[0]
    git(tree.path, "submodule", "--quiet", "update", "--init")
    assert Path(tree.path, "lib", "README").exists()


async def test_a_submodule_can_have_worktrees_of_its_own(place: Place, tmp_path: Path) -> None:
    repository(tmp_path / "library")
    git(place.project, "submodule", "--quiet", "add", str(tmp_path / "library"), "lib")
    place.project = place.project / "lib"
    tree = await place.create()
    assert git(tree.path, "status", "--porcelain") == ""
    assert git(tree.path, "rev-parse", "--show-toplevel") == tree.path


async def test_a_bare_repository_can_have_worktrees(place: Place, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(place.project), "app.git")
    place.project = tmp_path / "app.git"
    tree = await place.create()
    assert git(tree.path, "status", "--porcelain") == ""


async def test_a_start_in_a_linked_worktree_takes_its_head_and_the_common_repository(
    place: Place, tmp_path: Path
) -> None:
    git(place.project, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "linked"))
    here = commit(tmp_path / "linked", {"more": "1"})
    place.project = tmp_path / "linked" / "sub"
    tree = await place.create()
    assert (tree.base_commit, tree.base_ref) == (here, "other")
    assert tree.repository == f"{tmp_path}/app/.git"


async def test_a_sparse_checkout_is_as_sparse_in_the_tree(place: Place) -> None:
    commit(place.project, {"wanted/a": "1", "unwanted/b": "2"})
    git(place.project, "sparse-checkout", "set", "wanted")
    tree = await place.create()
    assert sorted(os.listdir(tree.path)) == [".git", "README", "wanted"]
    assert git(tree.path, "status", "--porcelain") == ""


@pytest.mark.parametrize("name", ["with space", "mäßig 修复", "-rf"])
async def test_odd_names_of_project_and_state_are_no_trouble(tmp_path: Path, name: str) -> None:
    place = Place(tmp_path / name, repository(tmp_path / name / "-app ü"))
    tree = await place.create()
    assert git(tree.path, "status", "--porcelain") == ""


async def test_a_state_directory_behind_a_link_is_named_by_where_it_is(place: Place, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    place.state.symlink_to(tmp_path / "real")
    place.worktrees = Worktrees(str(place.state))
    assert (await place.create()).path.startswith(f"{tmp_path}/real/worktrees/")


async def test_a_state_directory_inside_a_repository_has_trees_of_their_own(place: Place) -> None:
    place.state = place.project / "state"
    place.worktrees = Worktrees(str(place.state))
    tree = await place.create()
    assert git(tree.path, "rev-parse", "--show-toplevel") == tree.path


async def test_a_checkout_that_fails_leaves_nothing(place: Place, tmp_path: Path) -> None:
    block_checkout(place, tmp_path, "exit 1")
    before = traces(place.project)
    with pytest.raises(Refused) as refusal:
        await place.create()
    assert refusal.value.code == "git_failed"
    assert "smudge filter block failed" in refusal.value.detail
    assert traces(place.project) == before
    assert not (place.project / ".git" / "worktrees").exists()
    assert place.left() == []


async def test_a_tree_that_is_not_what_it_should_be_is_refused_and_taken_back(place: Place, tmp_path: Path) -> None:
    block_checkout(place, tmp_path, "git symbolic-ref HEAD refs/heads/main; cat")
    with pytest.raises(Refused, match="the new tree is"):
        await place.create()
    assert place.left() == []


async def test_cancelled_in_the_middle_of_the_checkout_nothing_is_left(place: Place, tmp_path: Path) -> None:
    note = block_checkout(place, tmp_path)
    before = traces(place.project)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(place.create)
        await trio.to_thread.run_sync(until, note.exists)
        nursery.cancel_scope.cancel()
    assert not alive(int(note.read_text()))
    assert traces(place.project) == before
    assert place.left() == []


async def test_cancelled_at_whatever_moment_nothing_is_left(place: Place) -> None:
    before = traces(place.project)
    await place.base()
    for step in range(12):
        with trio.move_on_after(step * 0.0025):
            await place.create()
            break
        assert traces(place.project) == before
        assert place.left() == []


async def test_where_no_directory_can_be_made_it_is_refused(place: Place) -> None:
    place.state.write_text("not a directory")
    with pytest.raises(Refused) as refusal:
        await place.create()
    assert refusal.value.code == "git_failed"
    assert "Not a directory" in refusal.value.detail


async def test_a_tree_in_which_no_agent_was_started_can_be_taken_back(place: Place) -> None:
    before = traces(place.project)
    tree = await place.create()
    assert await place.worktrees.roll_back(tree.path)
    assert traces(place.project) == before
    assert place.left() == []
    assert not await place.worktrees.roll_back(tree.path)


async def test_once_its_agent_was_started_a_tree_is_never_taken_back(place: Place) -> None:
    tree = await place.create()
    await trio.to_thread.run_sync(place.worktrees.settle, tree.path)
    before = traces(place.project)
    assert not await place.worktrees.roll_back(tree.path)
    assert traces(place.project) == before
    assert Path(tree.path, "README").exists()


async def test_a_record_that_cannot_go_now_is_nobodys_failure(place: Place) -> None:
    tree = await place.create()
    os.unlink(tree.path + RECORD)
    os.mkdir(tree.path + RECORD)
    place.worktrees.settle(tree.path)
    assert Path(tree.path, "README").exists()


async def test_a_branch_that_has_moved_outlives_its_tree(place: Place) -> None:
    tree = await place.create()
    moved = commit(Path(tree.path), {"more": "1"})
    assert await place.worktrees.roll_back(tree.path)
    assert git(place.project, "rev-parse", tree.branch) == moved


async def test_taking_back_touches_no_other_registration(place: Place, tmp_path: Path) -> None:
    git(place.project, "worktree", "add", "--quiet", "-b", "theirs", str(tmp_path / "theirs"))
    shutil.rmtree(tmp_path / "theirs")
    before = traces(place.project)
    tree = await place.create()
    assert await place.worktrees.roll_back(tree.path)
    assert traces(place.project) == before


async def test_after_a_crash_what_no_session_came_of_is_taken_back(place: Place) -> None:
    before = traces(place.project)
    tree = await place.create()
    assert await Worktrees(str(place.state)).recover(lambda session: False) == [tree.path]
    assert traces(place.project) == before
    assert place.left() == []


async def test_after_a_crash_the_tree_of_a_session_stays(place: Place) -> None:
    tree = await place.create()
    assert await Worktrees(str(place.state)).recover(lambda session: session == SESSION) == []
    assert Path(tree.path, "README").exists()
    assert not await place.worktrees.roll_back(tree.path)


async def test_after_a_crash_what_cannot_be_judged_stays(place: Place) -> None:
    torn, orphan = await place.create(), await place.create(session="session_2")
    Path(torn.path + ".making").write_text('{"session')
    record = json.loads(Path(orphan.path + ".making").read_text())
    Path(orphan.path + ".making").write_text(json.dumps({**record, "repository": "/gone/app/.git"}))
    assert await Worktrees(str(place.state)).recover(lambda session: False) == []
    assert Path(torn.path, "README").exists() and Path(orphan.path, "README").exists()


async def test_a_repository_that_became_an_ordinary_directory_keeps_the_tree(place: Place, tmp_path: Path) -> None:
    tree = await place.create()
    (tmp_path / "plain").mkdir()
    record = json.loads(Path(tree.path + ".making").read_text())
    Path(tree.path + ".making").write_text(json.dumps({**record, "repository": str(tmp_path / "plain")}))
    assert not await place.worktrees.roll_back(tree.path)
    assert Path(tree.path, "README").exists()


async def test_what_cannot_be_taken_back_now_is_taken_back_later(place: Place) -> None:
    before = traces(place.project)
    tree = await place.create()
    git(place.project, "config", "core.packedRefsTimeout", "0")
    lock = place.project / ".git" / "packed-refs.lock"
    lock.touch()
    await place.worktrees.roll_back(tree.path)
    assert git(place.project, "rev-parse", tree.branch) == tree.base_commit
    lock.unlink()
    assert await place.worktrees.recover(lambda session: False) == [tree.path]
    assert traces(place.project) == before
    assert place.left() == []


async def test_the_lock_of_a_git_that_was_killed_is_not_in_the_way(place: Place) -> None:
    before = traces(place.project)
    tree = await place.create()
    (place.project / ".git" / "refs" / "heads" / f"{tree.branch}.lock").touch()
    assert await place.worktrees.recover(lambda session: False) == [tree.path]
    assert traces(place.project) == before
    assert list((place.project / ".git").rglob("*.lock")) == []


async def test_unregistered_and_registered_again_a_tree_has_all_its_work(place: Place, tmp_path: Path) -> None:
    tree = await place.create()
    here = await place.repository()
    git(tree.path, "rm", "--quiet", "README")
    Path(tree.path, "loose").write_text("3")
    before = git(tree.path, "status", "--porcelain")
    kept = str(tmp_path / "kept")
    assert await place.worktrees.unregister(here, SESSION, tree.path, kept)
    assert not await place.worktrees.unregister(here, SESSION, tree.path, kept)
    os.rename(tree.path, tmp_path / "trash")
    assert not await create_branch(here, tree.branch, tree.base_commit)
    os.rename(tmp_path / "trash", tree.path)
    await place.worktrees.reregister(here, SESSION, tree.path, kept)
    assert git(tree.path, "status", "--porcelain") == before


async def test_a_tree_moves_to_a_free_place_only(tmp_path: Path) -> None:
    for name in ("tree", "taken"):
        (tmp_path / name).mkdir()
    (tmp_path / "tree" / "work").touch()
    with pytest.raises(Refused) as refusal:
        await move_tree(f"{tmp_path}/tree", f"{tmp_path}/taken")
    assert refusal.value.code == "kept"
    with pytest.raises(Refused) as refusal:
        await move_tree(f"{tmp_path}/tree", f"{tmp_path}/no/such/place")
    assert refusal.value.code == "git_failed"
    await move_tree(f"{tmp_path}/tree", f"{tmp_path}/free")
    assert (tmp_path / "free" / "work").exists()


async def test_a_registration_that_cannot_be_moved_is_a_refusal(place: Place, tmp_path: Path) -> None:
    tree = await place.create()
    here = await place.repository()
    with pytest.raises(Refused) as refusal:
        await place.worktrees.unregister(here, SESSION, tree.path, str(tmp_path / "no" / "such" / "place"))
    assert refusal.value.code == "git_failed"
    with pytest.raises(Refused):
        await place.worktrees.reregister(here, SESSION, str(tmp_path / "elsewhere"), str(tmp_path / "nothing"))
    assert git(tree.path, "status", "--porcelain") == ""


@pytest.fixture
def held(place: Place) -> Iterator[Repository]:
    """A repository whose lock somebody else has, as a supervisor that is being replaced."""
    found = trio.run(place.repository)
    folder = place.state / "worktrees" / found.label
    folder.mkdir(parents=True)
    with open(folder / ".lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield found


async def test_registrations_wait_for_the_lock_and_not_for_ever(
    place: Place, held: Repository, autojump_clock: trio.testing.MockClock
) -> None:
    with pytest.raises(Refused, match="is held by another process"):
        async with place.worktrees.locked(held):
            raise AssertionError("the lock was not free")
    assert autojump_clock.current_time() >= 10
