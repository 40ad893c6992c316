"""What a start with `--take-over` can be refused for, found out while the other supervisor still serves."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import trio

from supervisor.assembly import refuse_others
from supervisor.client.address import of_state_dir
from supervisor.client.api import Client
from supervisor.core.reach import own_urls
from supervisor.projectchoice import choose
from supervisor.records import remembered
from supervisor.serveoptions import ServeOptions
from supervisor.sessions.index import projects
from supervisor.sessions.recovery import look
from supervisor.settings import settle_all
from supervisor.store import peek
from supervisor.web.entrances import manner_of
from supervisor.web.sockets import Manner, bind_tcp, parse_listen
from workers.errors import Broken, Refused

ANSWER_SECONDS = 2.0  # one that hangs is a reason to take over, and not to wait for it


async def check(options: ServeOptions, state_dir: str) -> None:
    """Raises Refused as the start would. Changes nothing, and leaves nothing behind.

    What only the start can find out is left to it: the zygote, a store that is damaged.
    """
    path = os.path.join(state_dir, "box.sqlite")
    kept, known = await trio.to_thread.run_sync(
        peek, path, lambda store: (remembered(store), projects(store)), ({}, [])
    )
    settings = settle_all(options, os.environ, kept)
    await choose(known, settings, options.projects)
    manner = manner_of(settings, datetime.now(UTC))
    await trio.to_thread.run_sync(_check_listen, settings.listen, manner, state_dir)
    if settings.spawn_mode == "session":
        await trio.to_thread.run_sync(_check_alone, os.path.join(state_dir, "sessions"))


def _check_listen(listen: Iterable[str], manner: Manner, state_dir: str) -> None:
    """Each address is ours already, or could be."""
    own: set[int | None] | None = None
    with contextlib.ExitStack() as bound:
        for address in listen:
            try:
                bound.callback(bind_tcp(address, manner).socket.close)
            except Refused as refused:
                if getattr(refused.__cause__, "errno", None) != errno.EADDRINUSE:
                    raise
                own = _ports(state_dir) if own is None else own
                if own and parse_listen(address)[1] not in own:
                    raise


def _ports(state_dir: str) -> set[int | None]:
    """Where the supervisor that runs listens; none when it does not say."""
    client = Client(of_state_dir(state_dir))
    try:
        with client.answer("GET", "/v1/box", timeout=ANSWER_SECONDS) as answer:
            return {urlsplit(url).port for url in own_urls(json.load(answer))}
    except (Refused, Broken, ValueError):
        return set()


def _check_alone(sessions: str) -> None:
    found = [look(entry.path, None) for entry in os.scandir(sessions) if entry.is_dir(follow_symlinks=False)]
    refuse_others((each.spec, each.facts) for each in found if each is not None and not each.is_over)
