"""What a box finds when it is put together."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from supervisor.assembly import Parts, create_session_in_dir, next_epoch, resume_what_was_cut
from supervisor.serveoptions import ServeOptions
from supervisor.sessions.endings import first_facts
from supervisor.sessions.session import Session
from supervisor.store import Store
from tests.supervisor.sessions.livebox import SECONDS, is_running, spec_of
from tests.supervisor.sessions.wholebox import whole_box
from workers.bundle import Bundle
from workers.core.lifecycle import State


@asynccontextmanager
async def store_in(folder: Path) -> AsyncIterator[Store]:
    async with Store.open(str(folder / "box.sqlite")) as store:
        yield store


async def test_each_start_is_one_above_all_that_this_box_has_seen(tmp_path: Path) -> None:
    sessions = tmp_path / "sessions"
    (sessions / "session_1").mkdir(parents=True)
    async with store_in(tmp_path) as store:
        first = await next_epoch(store, str(sessions))
        second = await next_epoch(store, str(sessions))
        assert (first.epoch, second.epoch) == (1, 2)
        assert first != second
        # A store that was lost forgets; the workers do not.
        (sessions / "session_1" / "epoch.json").write_text(json.dumps({"epoch": 40}))
        assert (await next_epoch(store, str(sessions))).epoch == 41
        (sessions / "session_1" / "epoch.json").write_text("{")
        assert (await next_epoch(store, str(sessions))).epoch == 42


def lost(parts: Parts, home: Path) -> Session:
    """A session that was running when its worker was killed."""
    spec = spec_of(home, "sleep", "600")
    session = parts.box.registry.add(spec, first_facts(spec))
    Bundle.create(session.bundle.directory, spec)
    session.set_facts(state=State.LOST, exit={"code": None, "signal": None, "reason": "lost"})
    return session


async def test_a_session_that_gives_an_error_keeps_no_other_from_being_resumed(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions(spawn="same-dir")) as parts:
        bad, good = lost(parts, tmp_path), lost(parts, tmp_path)
        Path(bad.bundle.path("exit.json")).mkdir()
        resume_what_was_cut(parts)
        with trio.fail_after(SECONDS):
            await good.wait_until(lambda: is_running(good))
        assert bad.facts.state is State.LOST and parts.box.slots.used == 1


async def test_a_box_whose_first_session_gives_an_error_serves_all_the_same(tmp_path: Path) -> None:
    async with whole_box(tmp_path, ServeOptions(spawn="same-dir")) as parts:
        (tmp_path / "state" / "sessions").rmdir()
        await create_session_in_dir(parts)
        assert list(parts.box.registry) == [] and parts.box.slots.used == 0
        (tmp_path / "state" / "sessions").mkdir()
