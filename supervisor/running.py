"""The life of a box: put together, adopt, listen, ready; and taken apart again in the opposite order."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial

import structlog
import trio

from supervisor.assembly import (
    Parts,
    adopt_all,
    create_session_in_dir,
    next_epoch,
    put_together,
    resume_what_was_cut,
)
from supervisor.core.access import Principal
from supervisor.foreground import shows_screen
from supervisor.identity.identity import Identity
from supervisor.limits import raise_descriptor_limit
from supervisor.logs import Outlet, start_log
from supervisor.owndeeds import OwnDeeds
from supervisor.projectchoice import choose
from supervisor.readiness import READY, STOPPING, tell_systemd
from supervisor.serveoptions import ServeOptions
from supervisor.sessions.box import Box
from supervisor.sessions.errands import Errands
from supervisor.sessions.index import Index
from supervisor.sessions.launcher import Launcher
from supervisor.sessions.watch import Watches
from supervisor.settings import resolve
from supervisor.statedir import SOCKET
from supervisor.store import Store
from supervisor.web.api import build_api
from supervisor.web.entrances import bind_all, urls_of
from supervisor.web.gate import Gate
from supervisor.web.idempotency import Once
from supervisor.web.listener import serve as listen
from supervisor.web.peer import judge_peer
from supervisor.web.signin import DeviceSignIn
from supervisor.web.sockets import Entrance
from supervisor.web.streams.serve import serve_websocket
from supervisor.web.throttle import Throttle
from workers.errors import Refused

log = structlog.get_logger()
FIRST_SECONDS = 10.0  # how long the word "ready" waits for the session in the directory; who started us waits for 30 s
Zygote = tuple[subprocess.Popen[bytes], socket.socket]


async def run(options: ServeOptions, state_dir: str, zygote: Zygote) -> int:
    """From the lock, which the caller holds, to the end. Raises Refused while nothing of the box has started."""
    raise_descriptor_limit()  # the zygote runs already: agents keep the limit of this account
    async with Store.open(os.path.join(state_dir, "box.sqlite")) as store:
        settings = await resolve(options, os.environ, store)
        outlet = start_log(verbose=settings.verbose, as_json=settings.log_json)
        if store.notice:
            log.warning("store_replaced", detail=store.notice)
        index = Index(store)
        projects = await choose(await index.projects(), settings, options.projects)
        entrances = bind_all(settings, datetime.now(UTC))
        us = await next_epoch(store, os.path.join(state_dir, "sessions"))
        launcher, errands = Launcher(state_dir), Errands()
        watches = Watches()
        identity = await Identity.load(state_dir, store, watches.touch)
        parts = put_together(settings, us, index, projects, launcher, errands, watches, identity.desk)
        refusals: list[Refused] = []
        try:
            async with trio.open_nursery() as running:
                await running.start(launcher.run, zygote)
                await running.start(errands.run)
                await adopt_all(parts)
                await index.remember(settings.to_remember(), "owner", "flag")
                await index.save_projects(projects)
                await _serve(parts, identity, store, entrances, options, outlet)
                running.cancel_scope.cancel()
        except* Refused as group:
            refusals += leaves(group)
    if refusals:
        raise refusals[0]
    return 0


def leaves(group: BaseExceptionGroup[Refused]) -> list[Refused]:
    """The refusals of a group, without the groups that nurseries put around them."""
    found: list[Refused] = []
    for error in group.exceptions:
        found += leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


async def _serve(
    parts: Parts, identity: Identity, store: Store, entrances: list[Entrance], options: ServeOptions, outlet: Outlet
) -> None:
    """From listening to the last connection's end."""
    box = parts.box
    throttle = Throttle()
    sign_in = DeviceSignIn(identity, box.executions.holder, throttle)
    api = Once(build_api(box, identity, sign_in), store, box.carry_out, box.creation.new_id)
    gate = Gate(sign_in, throttle)
    streams = partial(serve_websocket, box, lines=identity.devices.line, input_of=throttle.input_of)
    gc.freeze()  # a collection that looks through all modules would hold up every session for some 50 ms
    gc.enable()
    box.urls.extend(urls_of(box.switches.settings, entrances))

    async def who(connection: socket.socket) -> Principal:
        return await judge_peer(connection, box.registry)

    hung_up = trio.Event()
    async with trio.open_nursery() as behind:
        with box.watch() as watch:
            behind.start_soon(parts.index.follow, box.registry, watch)
            behind.start_soon(_heed_signals, box, hung_up)
            behind.start_soon(box.room.watch)
            behind.start_soon(identity.run)
            behind.start_soon(box.lookout.watch)
            async with trio.open_nursery() as front:  # ends when the listener has said goodbye to everyone
                await front.start(listen, entrances, api, streams, who, gate, box.stopping)
                behind.start_soon(_begin, parts, identity, options, outlet, hung_up)
        tell_systemd(STOPPING)
        behind.cancel_scope.cancel()
    running_on = sum(not session.ended for session in box.registry)
    hint = {"hint": "the next rc serve takes them up"} if running_on else {}
    log.info("ended", sessions_that_run_on=running_on, **hint)


async def _begin(parts: Parts, identity: Identity, options: ServeOptions, outlet: Outlet, hung_up: trio.Event) -> None:
    """What a start is for besides serving, the word that it is done, and then the screen."""
    settings = parts.box.switches.settings
    if settings.create_session_in_dir:
        with trio.move_on_after(FIRST_SECONDS):
            await create_session_in_dir(parts)
    _say_ready(parts, options)
    if options.continue_:
        resume_what_was_cut(parts)
    if shows_screen(options):
        await _show_screen(parts.box, OwnDeeds(parts.box, identity), outlet, hung_up)


def _say_ready(parts: Parts, options: ServeOptions) -> None:
    settings = parts.box.switches.settings
    ready = {
        "ready": True,
        "pid": os.getpid(),
        "urls": parts.box.urls,
        "socket": os.path.join(settings.state_dir, SOCKET),
        "epoch": parts.box.epoch,
    }
    log.info("ready", **{key: value for key, value in ready.items() if key != "ready"})
    tell_systemd(READY)
    if options.json:
        with contextlib.suppress(OSError):  # whoever wanted to know is gone; the box serves all the same
            sys.stdout.write(json.dumps(ready) + "\n")
            sys.stdout.flush()


async def _show_screen(box: Box, deeds: OwnDeeds, outlet: Outlet, hung_up: trio.Event) -> None:
    """Show the box until somebody leaves, which ends it, or until the terminal is closed, which does not."""
    from supervisor.ownscreen import show_own_status  # loaded before, with all else: see `app.load`
    from supervisor.statusscreen import Leaving

    if await show_own_status(box, deeds, outlet, hung_up, await deeds.invite_first()) is Leaving.LEFT:
        box.stopping.set()


async def _heed_signals(box: Box, hung_up: trio.Event) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for number in signals:
            if number == signal.SIGHUP:
                hung_up.set()  # the screen ends, and we serve on
                log.info("terminal_closed")
            else:
                log.info("asked_to_end", signal=signal.Signals(number).name)
                box.stopping.set()
