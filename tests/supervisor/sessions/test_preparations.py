"""A session whose checkout hangs can be ended, and then nothing of it is left."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from supervisor.core.access import OWNER
from supervisor.sessions.creation import Wish
from supervisor.sessions.endings import first_facts
from supervisor.sessions.preparations import Preparations
from supervisor.sessions.session import Session
from tests.gitrepos import commit, git, repository
from tests.supervisor.sessions.livebox import SECONDS, LiveBox, alive, bundles, end_all, live_box, spec_of
from tests.waiting import until
from workers.bundle import Bundle
from workers.errors import Refused


@asynccontextmanager
async def hanging(home: Path) -> AsyncIterator[tuple[LiveBox, Session, list[Refused]]]:
    """A session whose checkout waits for a filter, and the refusals that its asker got."""
    app = repository(home / "app")
    commit(app, {".gitattributes": "README filter=slow\n"})
    git(app, "config", "filter.slow.smudge", f"echo $$ >{home}/filter; exec sleep 600")
    refusals: list[Refused] = []

    async def create(box: LiveBox) -> None:
        try:
            await box.create(Wish(command=("sleep", "600")), "worktree")
        except Refused as refused:
            refusals.append(refused)

    async with live_box(home) as box, trio.open_nursery() as asking:
        asking.start_soon(partial(create, box))
        await trio.to_thread.run_sync(until, lambda: filter_of(home))
        (session,) = box.registry
        yield box, session, refusals
        await end_all(box)


def filter_of(home: Path) -> int | None:
    """The process of the filter, once it runs."""
    note = home / "filter"
    return int(note.read_text() or 0) if note.exists() else None


def leftovers(box: LiveBox) -> list[str]:
    trees = [name for folder in (box.home / "worktrees").glob("*") for name in os.listdir(folder) if name != ".lock"]
    branches = git(box.home / "app", "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    registered = git(box.home / "app", "worktree", "list", "--porcelain").split("\n\n")[1:]
    return [*trees, *bundles(box.home), *(branch for branch in branches if branch != "main"), *registered]


@pytest.mark.parametrize("verb", ["stop", "delete"])
async def test_a_checkout_that_hangs_is_given_up_and_leaves_nothing(tmp_path: Path, verb: str) -> None:
    async with hanging(tmp_path) as (box, session, refusals):
        hangs = filter_of(tmp_path)
        assert hangs is not None and alive(hangs) and leftovers(box)
        await getattr(box.verbs, verb)(session, OWNER)
        assert session.gone and session.ended and box.slots.used == 0 and list(box.registry) == []
        assert leftovers(box) == [] and not alive(hangs)
    assert [refused.code for refused in refusals] == ["invalid_state"]
    assert "was ended while its workspace was being prepared" in refusals[0].detail


async def test_who_comes_in_the_moment_in_which_all_is_prepared_waits_for_nothing(tmp_path: Path) -> None:
    preparations = Preparations()
    spec = spec_of(tmp_path, "true")
    session = Session(spec, first_facts(spec), Bundle(str(tmp_path)), lambda _: None)
    given_up: list[bool] = []

    async def give_up() -> None:
        given_up.append(await preparations.give_up(session))

    with trio.fail_after(SECONDS):
        async with trio.open_nursery() as nursery:
            with preparations.of(session):
                nursery.start_soon(give_up)
                with trio.CancelScope(shield=True):
                    await trio.testing.wait_all_tasks_blocked()
    assert given_up == [False]
