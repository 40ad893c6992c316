"""Exchanges of a box, and what is kept of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from supervisor.sessions.creation import Wish
from supervisor.sessions.remotes import BRIDGE
from tests.supervisor.sessions.livebox import live_box, until_true
from workers.errors import Refused


async def test_each_exchange_is_higher_than_all_before_also_behind_a_crash(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    async with live_box(tmp_path) as box:
        session = await box.create(Wish(agent="echo", worker="remote"))
        remotes, seen = box.keepers.remotes, list[int]()

        async def exchange() -> None:
            seen.append(await remotes.exchange(session))

        assert remotes.generation(session) == 0
        async with trio.open_nursery() as together:
            for _ in range(5):
                together.start_soon(exchange)
        assert sorted(seen) == [1, 2, 3, 4, 5]
    async with live_box(tmp_path, epoch=2) as box:
        (session,) = box.take_up({})
        await box.keepers.adopt([session])
        assert await box.keepers.remotes.exchange(session) == 6
        session.bundle.write(BRIDGE, "torn")
        box.keepers.remotes.standin(session, 6).end("killed")
        await until_true(session, lambda: not session.kept)


async def test_a_local_session_has_none(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("true")
        with pytest.raises(Refused) as caught:
            await box.keepers.remotes.exchange(session)
        assert caught.value.code == "worker_is_local"
        await until_true(session, lambda: session.ended)


async def test_a_disk_that_does_not_take_it_gives_no_exchange(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    async with live_box(tmp_path) as box:
        session = await box.create(Wish(agent="echo", worker="remote"))
        (Path(session.bundle.directory) / f".{BRIDGE}.new").mkdir()
        with pytest.raises(Refused) as caught:
            await box.keepers.remotes.exchange(session)
        assert caught.value.code == "disk_full" and box.keepers.remotes.generation(session) == 0
        box.keepers.remotes.standin(session, 0).end("killed")
        await until_true(session, lambda: not session.kept)


async def test_of_a_session_that_is_over_nothing_is_kept_by_asking_for_its_exchange(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    async with live_box(tmp_path) as box:
        session = await box.create(Wish(agent="echo", worker="remote"))
        remotes = box.keepers.remotes
        await remotes.exchange(session)
        remotes.standin(session, 1).end("killed")
        await until_true(session, lambda: not session.kept)
        with pytest.raises(Refused) as caught:
            await remotes.exchange(session)
        assert caught.value.code == "not_running" and not remotes._exchanging
