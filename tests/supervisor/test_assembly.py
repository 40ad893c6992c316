"""What a box finds when it is put together."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from supervisor.assembly import next_epoch
from supervisor.store import Store


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
