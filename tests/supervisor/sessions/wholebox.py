"""A box as it is put together for the product, without the web: real store, zygote and workers."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import trio

from supervisor.assembly import Parts, adopt_all, next_epoch, put_together
from supervisor.projectchoice import choose
from supervisor.serveoptions import ServeOptions
from supervisor.sessions.errands import Errands
from supervisor.sessions.index import Index
from supervisor.sessions.launcher import Launcher
from supervisor.sessions.news import NoPairings, Pairings
from supervisor.sessions.watch import Watches
from supervisor.settings import settle_all
from supervisor.store import Store
from tests.supervisor.sessions.livebox import SECONDS

NOBODY_PAIRS = NoPairings()


@contextlib.asynccontextmanager
async def whole_box(home: Path, options: ServeOptions, pairings: Pairings = NOBODY_PAIRS) -> AsyncIterator[Parts]:
    """Runs until the block ends, and ends its workers then. It serves `home`/app, which is made where it is missing,
    and keeps its state in `home`/state."""
    (home / "app").mkdir(exist_ok=True)
    state = home / "state"
    (state / "sessions").mkdir(parents=True, exist_ok=True)
    config = home / "box.toml"
    config.write_text('[disk]\nkeep_free = "0"\nkeep_free_percent = 0\n')
    environ = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "RC_CONFIG": str(config), "RC_STATE_DIR": str(state)}
    launcher, errands = Launcher(), Errands()
    async with Store.open(str(state / "box.sqlite")) as store:
        settings, index = settle_all(options, environ, {}), Index(store)
        projects = await choose(await index.projects(), settings, (str(home / "app"),))
        us = await next_epoch(store, str(state / "sessions"))
        parts = put_together(settings, us, index, projects, launcher, errands, Watches(), pairings)
        with trio.fail_after(4 * SECONDS):
            async with trio.open_nursery() as running:
                await running.start(launcher.run)
                await running.start(errands.run)
                await adopt_all(parts)
                yield parts
                for session in parts.box.registry:
                    if not session.ended:
                        await parts.keepers.forget(session)
                running.cancel_scope.cancel()
