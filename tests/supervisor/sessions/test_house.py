"""The trash of a whole box is shown, emptied, and left alone where somebody is at work in it."""

from __future__ import annotations

from pathlib import Path

import trio
import trio.testing

from supervisor.core.access import OWNER
from supervisor.serveoptions import ServeOptions
from supervisor.sessions.creation import Wish
from tests.gitrepos import repository
from tests.supervisor.sessions.wholebox import whole_box

SLEEP = Wish(command=("sleep", "600"))


async def test_what_is_deleted_is_in_the_trash_until_it_is_old_enough(tmp_path: Path) -> None:
    repository(tmp_path / "app")
    async with whole_box(tmp_path, ServeOptions(spawn="worktree")) as parts:
        box = parts.box
        session = await box.create(SLEEP, OWNER)
        await box.verbs.stop(session, OWNER)
        answer = await box.verbs.delete(session, OWNER)
        (row,) = await box.house.trash(sizes=False)
        assert (row["id"], row["trash"], row["branch"]) == (session.id, answer["trash"], session.spec.branch)
        assert (await box.house.prune(3600.0))["pruned"] == []
        pruned = await box.house.prune(0.0)
        assert pruned["pruned"] == [{"id": session.id, "name": session.facts.name}] and pruned["bytes"] > 0
        assert await box.house.trash(sizes=False) == []


async def test_what_is_just_being_restored_is_not_pruned(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions()) as parts:
        box = parts.box
        session = await box.create(SLEEP, OWNER)
        await box.verbs.stop(session, OWNER)
        await box.verbs.delete(session, OWNER)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(box.verbs.restore, session.id, OWNER)
            await trio.testing.wait_all_tasks_blocked()
            assert (await box.house.prune(0.0))["pruned"] == []
        assert [found.id for found in box.registry] == [session.id]


async def test_what_sessions_keep_on_disk_is_counted(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions()) as parts:
        session = await parts.box.create(SLEEP, OWNER)
        told = await parts.box.house.df()
        assert session.id in str(told)
