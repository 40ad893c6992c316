"""The index, in a real store; the disk that is full is played by one that refuses."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from supervisor.sessions.endings import first_facts
from supervisor.sessions.index import RETRY_SECONDS, Index
from supervisor.sessions.projects import Projects
from supervisor.sessions.registry import Registry
from supervisor.sessions.watch import Watches
from supervisor.store import Act, Store
from tests.supervisor.sessions.livebox import spec_of
from workers.errors import Refused

Value = TypeVar("Value")


class FillingStore(Store):
    """A store whose disk is full for some writes."""

    refusing = 0

    async def write(self, act: Act[Value]) -> Value:
        if self.refusing:
            self.refusing -= 1
            raise Refused("disk_full", "the disk is full", "make room")
        return await super().write(act)


async def names(index: Index) -> list[str]:
    return sorted(str(facts["name"]) for facts in (await index.facts()).values())


async def test_rows_follow_the_registry(tmp_path: Path) -> None:
    watches = Watches()
    registry = Registry(str(tmp_path / "sessions"), watches.touch)
    async with Store.open(str(tmp_path / "box.sqlite")) as store, trio.open_nursery() as nursery:
        index = Index(store)
        with watches.watching() as watch:
            nursery.start_soon(index.follow, registry, watch)
            one, two = (registry.add(spec, first_facts(spec)) for spec in (spec_of(tmp_path), spec_of(tmp_path)))
            with trio.fail_after(5):
                while await names(index) != sorted([one.facts.name, two.facts.name]):
                    await trio.lowlevel.checkpoint()
                registry.remove(one)
                while await names(index) != [two.facts.name]:
                    await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()


async def test_a_full_disk_is_tried_again_and_ends_nothing(tmp_path: Path, mock_clock: MockClock) -> None:
    watches = Watches()
    registry = Registry(str(tmp_path / "sessions"), watches.touch)
    async with FillingStore.open(str(tmp_path / "box.sqlite")) as store, trio.open_nursery() as nursery:
        assert isinstance(store, FillingStore)
        index = Index(store)
        with watches.watching() as watch:
            store.refusing = 2
            nursery.start_soon(index.follow, registry, watch)
            spec = spec_of(tmp_path)
            registry.add(spec, first_facts(spec))
            for left in (1, 0):
                await wait_all_tasks_blocked()
                assert store.refusing == left
                mock_clock.jump(RETRY_SECONDS)
            await wait_all_tasks_blocked()
            while not await names(index):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert await names(index) == [spec.name]


async def test_projects_are_found_again_in_their_order(tmp_path: Path) -> None:
    projects = Projects([])
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        await projects.add(str(tmp_path / name))
    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        await Index(store).save_projects(projects)
    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        assert [project.id for project in await Index(store).projects()] == ["b", "a"]
