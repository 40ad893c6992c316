"""The one path for a new session: a place first, then everything else, and all of it rolled back when a step fails."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
import trio

from supervisor.sessions.creation import Wish, remove_bundle
from tests.gitrepos import git, repository
from tests.supervisor.sessions.livebox import LiveBox, alive, bundles, end_all, is_running, live_box, spec_of
from workers.bundle import Bundle
from workers.errors import Refused

SLEEP = Wish(command=("sleep", "600"))


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return repository(tmp_path / "app")


async def refusal(box: LiveBox, wish: Wish, spawn_mode: str = "same-dir") -> str:
    """The code with which the wish is refused; nothing is left of it then."""
    before = set(box.registry)
    trees = box.home / "worktrees"
    with pytest.raises(Refused) as refused:
        await box.create(wish, spawn_mode)
    assert set(box.registry) == before
    assert box.slots.used == len(before)
    assert bundles(box.home) == sorted(session.id for session in before)
    left = [name for folder in trees.glob("*") for name in os.listdir(folder) if name != ".lock"]
    assert left == []
    if (box.home / "app" / ".git").exists():
        assert git(box.home / "app", "for-each-ref", "--format=%(refname)", "refs/heads") == "refs/heads/main"
        assert len(git(box.home / "app", "worktree", "list", "--porcelain").split("\n\n")) == 1
    return refused.value.code


async def test_a_session_is_made_in_the_project_or_in_a_tree_of_its_own(tmp_path: Path, app: Path) -> None:
    async with live_box(tmp_path) as box:
        here, there = await box.create(SLEEP), await box.create(SLEEP, "worktree")
        assert is_running(here) and here.spec.workspace == str(app)
        assert is_running(there) and there.spec.workspace.startswith(str(tmp_path / "worktrees"))
        assert [here.facts.name, there.facts.name] == ["shell-1", "shell-2"]
        assert there.spec.env["RC_WORKSPACE"] == there.spec.workspace
        assert box.slots.used == 2
        await end_all(box)


async def test_a_full_box_refuses_before_anything_is_looked_at(tmp_path: Path) -> None:
    async with live_box(tmp_path, capacity=1) as box:
        held = box.creation.reserve(SLEEP)
        for wish in (SLEEP, Wish(agent="nobody"), Wish(project="nowhere"), Wish(agent="none")):
            with pytest.raises(Refused) as refused:
                box.creation.reserve(wish)  # not async: nothing can have been waited for
            assert (refused.value.code, refused.value.fields["sessions"]) == ("at_capacity", [held])


@pytest.mark.parametrize("wish", [Wish(name="a\u202eb"), Wish(env={"RC_X": "1"}), Wish(env={"a b": "1"})])
async def test_what_is_void_in_itself_takes_no_place(tmp_path: Path, wish: Wish) -> None:
    async with live_box(tmp_path) as box:
        with pytest.raises(Refused) as refused:
            box.creation.reserve(wish)
        assert refused.value.code == "invalid" and box.slots.used == 0


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Wish(agent="nobody"), "unknown_agent"),
        (Wish(agent="none"), "agent_unavailable"),
        (Wish(agent="echo", command=("true",)), "invalid"),
        (Wish(project="nowhere"), "unknown_project"),
        (Wish(command=("true",), base="main"), "invalid"),
        (Wish(command=("no-such-program",)), "launch_failed"),
    ],
)
async def test_what_cannot_be_had_is_refused_and_leaves_nothing(
    tmp_path: Path, app: Path, wish: Wish, code: str
) -> None:
    async with live_box(tmp_path) as box:
        assert await refusal(box, wish) == code


async def test_a_project_that_is_gone_or_no_repository_is_refused(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        assert await refusal(box, SLEEP) == "project_gone"
        (tmp_path / "app").mkdir()
        assert await refusal(box, SLEEP, "worktree") == "not_a_repository"


async def test_a_tree_is_taken_back_when_its_agent_cannot_be_started(tmp_path: Path, app: Path) -> None:
    async with live_box(tmp_path) as box:
        assert await refusal(box, Wish(command=("no-such-program",)), "worktree") == "launch_failed"
        assert await refusal(box, Wish(command=("sleep", "600"), base="no-such-branch"), "worktree") == "bad_base"


async def test_a_tree_is_taken_back_when_there_is_no_room_for_the_bundle(tmp_path: Path, app: Path) -> None:
    async with live_box(tmp_path) as box:
        (tmp_path / "sessions").rename(tmp_path / "away")
        with pytest.raises(Refused) as refused:
            await box.create(SLEEP, "worktree")
        (tmp_path / "away").rename(tmp_path / "sessions")
        assert refused.value.code == "git_failed"
        assert git(app, "for-each-ref", "--format=%(refname)", "refs/heads") == "refs/heads/main"
        assert list(box.registry) == [] and box.slots.used == 0


async def test_a_bundle_that_is_there_already_is_not_ours_to_remove(tmp_path: Path, app: Path) -> None:
    async with live_box(tmp_path) as box:
        precious = tmp_path / "sessions" / "session_1" / "precious"
        precious.mkdir(parents=True)
        with pytest.raises(Refused):
            await box.create(Wish(command=("sleep", "600"), id="session_1"))
        assert precious.is_dir() and list(box.registry) == [] and box.slots.used == 0


async def test_of_many_that_want_one_name_one_gets_it(tmp_path: Path, app: Path) -> None:
    async with live_box(tmp_path) as box:
        codes: list[str] = []

        async def create() -> None:
            try:
                await box.create(Wish(command=("sleep", "600"), name="fix"))
            except Refused as refused:
                codes.append(refused.code)

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(create)
        assert codes == ["name_taken"] * 2
        assert [session.facts.name for session in box.registry] == ["fix"] and box.slots.used == 1
        await end_all(box)


async def test_a_box_that_ends_meanwhile_takes_back_what_it_was_making(tmp_path: Path, app: Path) -> None:
    async with live_box(tmp_path) as box:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(box.create, SLEEP, "worktree"))
            while not bundles(tmp_path):
                await trio.lowlevel.checkpoint()
            (session,) = box.registry
            nursery.cancel_scope.cancel()
        assert session.gone and bundles(tmp_path) == [] and box.slots.used == 0
        assert not alive(session.worker_pid or 0)
        assert git(app, "for-each-ref", "--format=%(refname)", "refs/heads") == "refs/heads/main"


async def test_a_first_prompt_that_is_not_taken_leaves_the_session_running(tmp_path: Path, app: Path) -> None:
    async with live_box(tmp_path) as box:
        with pytest.raises(Refused, match="runs, but did not take its prompt") as refused:
            await box.create(Wish(command=("sleep", "600"), prompt="x" * (2 << 20)))
        session = box.registry.get(str(refused.value.fields["session"]))
        assert not session.ended
        await end_all(box)


def test_a_bundle_is_removed_once_its_worker_has_let_go(tmp_path: Path) -> None:
    (tmp_path / "sessions").mkdir()
    bundle = Bundle.create(str(tmp_path / "sessions" / "one"), spec_of(tmp_path, "true"))
    remove_bundle(bundle)
    remove_bundle(bundle)
    assert bundles(tmp_path) == []
