"""Trees go only when nothing of them can be lost, and come back as they were."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from supervisor.core.gate import GateFacts
from supervisor.core.trashed import Trashed
from supervisor.sessions import refs
from supervisor.sessions.bases import Base
from supervisor.sessions.deletion import Deletion
from supervisor.sessions.inspect import Ask, Inspector, Place
from supervisor.sessions.repositories import Repository, discover
from supervisor.sessions.trash import Trash
from supervisor.sessions.worktrees import Worktrees
from tests.gitrepos import commit, git, repository
from tests.workers.asking import Zygote
from workers.bundle import Bundle
from workers.core.spec import Spec
from workers.errors import Refused

ID = "session_0b9c1d2e-0000-4000-8000-000000000001"
NS = 10**9
DAY = 24 * 3600
NOTHING = {"archived_ref": None, "trash": None, "restorable_until": None}


class House:
    """A box's state directory with one session in a tree of its own, and who may delete it."""

    def __init__(self, top: Path, ask: Ask) -> None:
        self.project = top / "app"
        self.state = top / "state"
        self.now = 10**18
        (self.state / "sessions").mkdir(parents=True)
        self.trash = Trash(str(self.state), lambda: self.now)
        self.inspector = Inspector(ask, str(self.state / "scratch"))
        self.worktrees = Worktrees(str(self.state))
        self.deletion = Deletion(self.trash, self.inspector, self.worktrees)

    async def repository(self) -> Repository:
        found = await discover(str(self.project))
        assert found is not None
        return found

    async def move_in(self, spawn_mode: str = "worktree") -> Spec:
        base = git(self.project, "rev-parse", "HEAD")
        tree = None
        if spawn_mode == "worktree":
            tree = await self.worktrees.create(await self.repository(), ID, "fix", Base(base, "main"))
            self.worktrees.settle(tree.path)
        spec = Spec(
            id=ID,
            name="fix",
            agent="shell",
            adapter="terminal",
            argv=("sh",),
            env={},
            workspace=tree.path if tree else str(self.project),
            project="app",
            project_path=str(self.project),
            spawn_mode=spawn_mode,
            created_at="2026-01-01T00:00:00.000Z",
            person="owner",
            branch=tree.branch if tree else None,
            base_commit=base,
            base_ref="main",
        )
        Bundle.create(str(self.state / "sessions" / ID), spec)
        return spec

    async def delete(self, spec: Spec, *, running: bool = False, keep_branch: bool = False) -> dict[str, Any]:
        return dict(await self.deletion.delete(spec, "fix", running=running, keep_branch=keep_branch))

    async def refusal(self, spec: Spec, **how: bool) -> list[str]:
        """The codes of why it is kept; nothing has changed then."""
        before = self.picture(spec)
        with pytest.raises(Refused) as caught:
            await self.delete(spec, **how)
        assert caught.value.code == "kept"
        assert self.picture(spec) == before
        reasons = caught.value.fields["reasons"]
        assert isinstance(reasons, list)
        return [reason["code"] for reason in reasons]

    def picture(self, spec: Spec) -> dict[str, object]:
        """Everything that a deletion may touch."""
        return {
            "tree": sorted(str(path.relative_to(spec.workspace)) for path in Path(spec.workspace).rglob("*")),
            "bundle": sorted(os.listdir(self.state / "sessions")),
            "trash": os.listdir(self.state / "trash") if (self.state / "trash").exists() else [],
            "worktrees": git(self.project, "worktree", "list", "--porcelain"),
            "refs": git(self.project, "for-each-ref"),
            "scratch": os.listdir(self.state / "scratch") if (self.state / "scratch").exists() else [],
        }


@pytest.fixture
def house(inspectors: Zygote, tmp_path: Path) -> House:
    repository(tmp_path / "app")
    return House(tmp_path, inspectors.stream)


@contextlib.contextmanager
def sleeping_in(place: str) -> Iterator[None]:
    with subprocess.Popen(["sleep", "1000"], cwd=place) as sleeper:
        try:
            yield
        finally:
            sleeper.kill()


def status(spec: Spec) -> str:
    return git(spec.workspace, "status", "--porcelain", "--branch", "--ignored")


async def test_a_clean_tree_goes_into_the_trash_and_comes_back_as_it_was(house: House) -> None:
    spec = await house.move_in()
    before, log = status(spec), git(spec.workspace, "reflog")
    answer = await house.delete(spec)
    assert answer == {
        "archived_ref": f"refs/rc/archive/{ID}/HEAD",
        "trash": str(house.state / "trash" / ID),
        "restorable_until": "2001-10-09T01:46:40.000Z",
    }
    assert not os.path.exists(spec.workspace)
    assert os.listdir(house.state / "sessions") == []
    assert git(house.project, "worktree", "list", "--porcelain").count("worktree ") == 1
    assert git(house.project, "for-each-ref", "--format=%(refname)", "refs/heads") == "refs/heads/main"
    assert git(house.project, "rev-parse", f"refs/rc/archive/{ID}/HEAD") == spec.base_commit
    assert [row["id"] for row in house.trash.describe()] == [ID]

    directory = await house.deletion.restore(ID)
    assert Bundle(directory).spec() == spec
    assert status(spec) == before
    assert git(spec.workspace, "reflog") == log
    assert git(house.project, "for-each-ref", "refs/rc") == ""
    assert house.trash.describe() == []
    assert os.listdir(house.state / "trash") == []


async def test_a_restored_session_can_be_deleted_again(house: House) -> None:
    spec = await house.move_in()
    for _ in range(2):
        await house.delete(spec)
        await house.deletion.restore(ID)
    assert status(spec) == f"## {spec.branch}"


async def test_a_running_session_is_kept_by_word_or_by_lock(house: House) -> None:
    spec = await house.move_in()
    assert await house.refusal(spec, running=True) == ["running"]
    lock = Bundle(str(house.state / "sessions" / ID)).try_lock()
    assert lock is not None
    assert await house.refusal(spec) == ["running"]
    os.close(lock)
    await house.delete(spec)


async def test_a_tree_with_work_in_it_is_kept_and_says_all_reasons(house: House) -> None:
    spec = await house.move_in()
    tree = Path(spec.workspace)
    commit(tree, {".gitignore": "*.log\n"})
    (tree / "README").write_text("changed")
    (tree / "new").write_text("new")
    (tree / "x.log").write_text("ignored")
    assert await house.refusal(spec) == ["changed", "untracked", "ignored", "unpushed"]


async def test_a_process_inside_keeps_a_tree(house: House) -> None:
    spec = await house.move_in()
    with sleeping_in(spec.workspace):
        assert await house.refusal(spec) == ["process_inside"]
    await house.delete(spec)


async def test_work_that_is_in_the_base_or_on_a_remote_does_not_keep_a_tree(house: House) -> None:
    spec = await house.move_in()
    made = commit(Path(spec.workspace), {"made": "x"})
    assert await house.refusal(spec) == ["unpushed"]
    git(house.project, "merge", "-q", "--ff-only", str(spec.branch))
    await house.delete(spec)
    assert git(house.project, "rev-parse", f"refs/rc/archive/{ID}/branch") == made


async def test_commits_that_only_the_reflog_leads_to_are_archived_too(house: House) -> None:
    spec = await house.move_in()
    made = commit(Path(spec.workspace), {"made": "x"})
    git(spec.workspace, "reset", "-q", "--hard", str(spec.base_commit))
    git(house.project, "update-ref", "refs/remotes/origin/x", made)
    await house.delete(spec)
    assert git(house.project, "rev-parse", f"refs/rc/archive/{ID}/log/{made}") == made


async def test_the_branch_can_be_kept_and_is_then_found_again(house: House) -> None:
    spec = await house.move_in()
    await house.delete(spec, keep_branch=True)
    assert git(house.project, "rev-parse", str(spec.branch)) == spec.base_commit
    await house.deletion.restore(ID)
    assert status(spec) == f"## {spec.branch}"


async def test_a_branch_that_somebody_else_works_on_stays_theirs(house: House, tmp_path: Path) -> None:
    spec = await house.move_in()
    git(spec.workspace, "checkout", "-q", "--detach")
    git(house.project, "worktree", "add", "-q", str(tmp_path / "theirs"), str(spec.branch))
    await house.delete(spec)
    assert git(tmp_path / "theirs", "rev-parse", "HEAD") == spec.base_commit
    await house.deletion.restore(ID)
    assert git(spec.workspace, "rev-parse", "HEAD") == spec.base_commit


async def test_a_branch_that_has_moved_on_meanwhile_is_not_taken_back(house: House) -> None:
    spec = await house.move_in()
    await house.delete(spec, keep_branch=True)
    moved = commit(house.project, {"more": "x"})
    git(house.project, "branch", "-f", str(spec.branch), moved)
    await house.deletion.restore(ID)
    assert git(house.project, "rev-parse", str(spec.branch)) == moved
    assert git(spec.workspace, "rev-parse", "HEAD") == spec.base_commit
    assert status(spec) == "## HEAD (no branch)"


async def test_a_session_in_the_project_loses_only_its_record(house: House) -> None:
    spec = await house.move_in("same-dir")
    (house.project / "untracked").write_text("precious")
    with sleeping_in(spec.workspace):
        assert await house.delete(spec) == NOTHING
    assert (house.project / "untracked").exists()
    assert os.listdir(house.state / "sessions") == []
    assert Bundle(await house.deletion.restore(ID)).spec() == spec


async def test_a_tree_that_somebody_removed_by_hand_does_not_keep_its_session(house: House) -> None:
    spec = await house.move_in()
    shutil.rmtree(spec.workspace)
    answer = await house.delete(spec)
    assert answer["archived_ref"] == f"refs/rc/archive/{ID}/HEAD"
    assert git(house.project, "worktree", "list", "--porcelain").count("worktree ") == 1
    await house.deletion.restore(ID)
    assert git(house.project, "rev-parse", str(spec.branch)) == spec.base_commit
    assert git(house.project, "worktree", "list", "--porcelain").count("worktree ") == 2


@pytest.mark.parametrize("unlocked", [True, False])
async def test_a_tree_that_git_moved_is_kept_until_it_is_back(house: House, tmp_path: Path, unlocked: bool) -> None:
    spec = await house.move_in()
    if unlocked:
        git(house.project, "worktree", "unlock", spec.workspace)
    away = f"{tmp_path}/away from here"
    git(house.project, "worktree", "move", "-ff", spec.workspace, away)
    with pytest.raises(Refused) as caught:
        await house.delete(spec)
    detail = f"its worktree was moved to {away}"
    assert caught.value.fields["reasons"] == [{"code": "not_ours", "detail": detail}]
    commands = caught.value.hint.removeprefix("in the project, run: ")
    await trio.run_process(commands, shell=True, cwd=house.project, check=False, capture_stderr=True)
    assert (await house.delete(spec))["archived_ref"]


async def test_a_tree_that_was_moved_and_then_removed_does_not_keep_its_session(house: House, tmp_path: Path) -> None:
    spec = await house.move_in()
    git(house.project, "worktree", "move", "-ff", spec.workspace, f"{tmp_path}/away")
    shutil.rmtree(tmp_path / "away")
    assert (await house.delete(spec))["archived_ref"]


async def test_a_tree_that_git_removed_does_not_keep_its_session_either(house: House) -> None:
    spec = await house.move_in()
    git(house.project, "worktree", "unlock", spec.workspace)
    git(house.project, "worktree", "remove", spec.workspace)
    git(house.project, "branch", "-D", str(spec.branch))
    assert (await house.delete(spec))["archived_ref"] is None


async def test_a_tree_whose_project_is_gone_is_kept(house: House, tmp_path: Path) -> None:
    spec = await house.move_in()
    house.project.rename(tmp_path / "elsewhere")
    with pytest.raises(Refused) as caught:
        await house.delete(spec)
    assert caught.value.code == "kept"
    assert f"bring the repository back to {house.project}," in caught.value.hint and "commit" not in caught.value.hint
    assert os.path.exists(spec.workspace)


class Between:
    """An inspector after whose first look at a tree something happens, as between two looks it may."""

    def __init__(self, inspector: Inspector, happens: Callable[[Place], Awaitable[None]]) -> None:
        self._inspector = inspector
        self._happens = happens
        self.looks = 0

    async def gate(self, place: Place) -> GateFacts:
        facts = await self._inspector.gate(place)
        self.looks += 1
        if self.looks == 1:
            await self._happens(place)
        return facts


def disturbed(house: House, happens: Callable[[Place], Awaitable[None]]) -> None:
    house.deletion = Deletion(house.trash, Between(house.inspector, happens), house.worktrees)  # type: ignore[arg-type]


async def test_work_that_comes_between_the_looks_brings_the_tree_back(house: House) -> None:
    spec = await house.move_in()

    async def work(place: Place) -> None:
        (Path(place.tree) / "late").write_text("precious")

    disturbed(house, work)
    with pytest.raises(Refused) as caught:
        await house.delete(spec)
    assert caught.value.code == "kept"
    assert (Path(spec.workspace) / "late").read_text() == "precious"
    assert status(spec) == f"## {spec.branch}\n?? late"
    assert house.trash.entries() == []


async def test_a_process_that_enters_between_the_looks_brings_the_tree_back(house: House) -> None:
    spec = await house.move_in()
    with contextlib.ExitStack() as entered:

        async def enter(place: Place) -> None:
            entered.enter_context(sleeping_in(place.tree))

        disturbed(house, enter)
        assert await house.refusal(spec) == ["process_inside"]
    assert os.path.exists(spec.workspace)


async def test_a_commit_between_the_looks_brings_the_tree_back(house: House) -> None:
    spec = await house.move_in()

    async def work(place: Place) -> None:
        commit(Path(place.tree), {"late": "x"})

    disturbed(house, work)
    with pytest.raises(Refused) as caught:
        await house.delete(spec)
    assert caught.value.code == "kept"
    assert git(spec.workspace, "log", "--format=%s", "-1") == "change"


async def test_what_comes_to_stand_in_the_place_of_the_tree_is_moved_aside(house: House) -> None:
    spec = await house.move_in()
    inspector = house.inspector

    class Builder:
        """Builds on the place of a tree as soon as that is in the trash."""

        async def gate(self, place: Place) -> GateFacts:
            if place.tree != place.registered:
                Path(place.registered).mkdir()
                (Path(place.registered) / "new").write_text("precious")
                (Path(place.tree) / "late").write_text("precious too")
            return await inspector.gate(place)

    house.deletion = Deletion(house.trash, Builder(), house.worktrees)  # type: ignore[arg-type]
    with pytest.raises(Refused):
        await house.delete(spec)
    assert (Path(spec.workspace) / "late").read_text() == "precious too"
    (aside,) = Path(spec.workspace).parent.glob("*.in-the-way-*")
    assert (aside / "new").read_text() == "precious"


async def test_a_failure_behind_the_second_look_changes_nothing(house: House) -> None:
    spec = await house.move_in()
    # A ref where the archive needs a directory: the refs cannot be written.
    git(house.project, "update-ref", f"refs/rc/archive/{ID}", str(spec.base_commit))
    before = house.picture(spec)
    with pytest.raises(Refused) as caught:
        await house.delete(spec)
    assert caught.value.code == "git_failed"
    assert house.picture(spec) == before


async def test_a_branch_that_cannot_be_deleted_changes_nothing(house: House) -> None:
    spec = await house.move_in()
    lock = house.project / ".git" / "refs" / "heads" / f"{spec.branch}.lock"
    lock.touch()
    before = status(spec)
    with pytest.raises(Refused) as caught:
        await house.delete(spec)
    assert caught.value.code == "git_failed"
    lock.unlink()
    assert status(spec) == before
    await house.delete(spec)


@pytest.mark.parametrize("steps", range(6))
async def test_a_crash_after_any_step_brings_everything_back(house: House, steps: int) -> None:
    spec = await house.move_in()
    before = house.picture(spec)
    repo = await house.repository()
    ground = await house.deletion.ground(spec)
    at = str(spec.base_commit)
    await house.delete(spec)
    await house.deletion.restore(ID)
    assert house.picture(spec) == {**before, "scratch": [], "trash": []}
    # Now by hand, as far as the crash lets us.
    entry = Trashed(ID, "fix", "worktree", spec.workspace, spec.project_path, house.now, branch=spec.branch)
    entry = replace(entry, repository=repo.common_dir, gitdir=ground.place.gitdir, head=at, branch_at=at)
    house.trash.write(entry)
    done: list[Callable[[], object]] = [
        lambda: os.rename(spec.workspace, house.trash.path(ID, "tree")),
        lambda: git(house.project, "update-ref", f"refs/rc/archive/{ID}/HEAD", at),
        lambda: os.rename(str(ground.place.gitdir), house.trash.path(ID, "registration")),
        lambda: git(house.project, "update-ref", "-d", refs.branch_ref(str(spec.branch))),
        lambda: os.rename(house.state / "sessions" / ID, house.trash.path(ID, "bundle")),
    ]
    for step in done[:steps]:
        step()
    house.trash.write(replace(entry, archived_ref=refs.archive_ref(ID, "HEAD") if steps > 1 else None))
    assert await house.deletion.recover() == [ID]
    assert house.picture(spec) == {**before, "scratch": [], "trash": []}
    assert status(spec) == f"## {spec.branch}"
    assert await house.deletion.recover() == []


async def test_a_half_deleted_session_whose_project_is_gone_comes_back_by_and_by(house: House, tmp_path: Path) -> None:
    spec = await house.move_in()
    await house.delete(spec)
    (entry,) = house.trash.entries()
    house.trash.write(replace(entry, done=False))
    house.project.rename(tmp_path / "elsewhere")
    assert await house.deletion.recover() == [ID]
    assert os.path.exists(spec.workspace)
    assert os.listdir(house.state / "sessions") == [ID]
    (tmp_path / "elsewhere").rename(house.project)
    assert await house.deletion.recover() == [ID]
    assert status(spec) == f"## {spec.branch}"
    assert os.listdir(house.state / "trash") == []


async def test_nothing_is_restored_over_what_stands_there(house: House) -> None:
    spec = await house.move_in()
    await house.delete(spec)
    os.mkdir(spec.workspace)
    with pytest.raises(Refused) as caught:
        await house.deletion.restore(ID)
    assert caught.value.code == "invalid_state"
    os.rmdir(spec.workspace)
    await house.deletion.restore(ID)


async def test_nothing_is_restored_into_a_project_that_is_gone(house: House, tmp_path: Path) -> None:
    spec = await house.move_in()
    await house.delete(spec)
    house.project.rename(tmp_path / "elsewhere")
    with pytest.raises(Refused) as caught:
        await house.deletion.restore(ID)
    assert caught.value.code == "project_gone"
    assert [row["id"] for row in house.trash.describe()] == [ID]
    assert not os.path.exists(spec.workspace)


async def test_what_is_not_in_the_trash_is_not_restored(house: House) -> None:
    for id in (ID, "../sessions", "a/b", "", ".gone-x"):
        with pytest.raises(Refused) as caught:
            await house.deletion.restore(id)
        assert caught.value.code == "unknown_session"


async def test_who_gives_up_in_the_middle_leaves_nothing_half_done(house: House) -> None:
    spec = await house.move_in()
    before = house.picture(spec)

    async def hesitate(place: Place) -> None:
        scope.cancel()

    disturbed(house, hesitate)
    with trio.CancelScope() as scope:
        await house.delete(spec)
    assert scope.cancelled_caught
    assert house.picture(spec) == {**before, "scratch": [], "trash": []}


async def test_the_trash_is_emptied_of_what_is_old_enough(house: House) -> None:
    spec = await house.move_in()
    await house.delete(spec)
    house.now += 29 * DAY * NS
    assert (await house.trash.prune(30 * DAY, lambda id: False))["pruned"] == []
    house.now += DAY * NS
    pruned = await house.trash.prune(30 * DAY, lambda id: False)
    assert [row["id"] for row in pruned["pruned"]] == [ID]
    assert pruned["bytes"] > 0
    assert pruned["left"] == []
    assert os.listdir(house.state / "trash") == []
    with pytest.raises(Refused):
        await house.deletion.restore(ID)
    # The commits are kept all the same.
    assert git(house.project, "rev-parse", f"refs/rc/archive/{ID}/HEAD") == spec.base_commit
