"""`rc serve`: everything that can be refused is refused here, before anything runs; then the box runs."""

from __future__ import annotations

import gc
import os
import sys

from supervisor.foreground import shows_screen
from supervisor.ownplace import refuse_inside
from supervisor.serveoptions import ServeOptions
from supervisor.sessions.launcher import start_zygote
from supervisor.statelock import make_state_dir, take_lock
from workers.drivers.prctl import set_dumpable


def serve(options: ServeOptions) -> int:
    """Serve until told to end: the exit code. Raises Refused for what cannot be had; nothing has started then."""
    from supervisor.statedir import state_dir_of

    state_dir = state_dir_of(options.state_dir, os.environ)
    refuse_inside(state_dir)
    make_state_dir(state_dir)
    if options.detach:
        from supervisor.detached import serve_detached

        return serve_detached(options, state_dir)
    if options.take_over:
        import trio

        from supervisor.takeover import check

        trio.run(check, options, state_dir)  # while the other one still serves
    lock = take_lock(state_dir, take_over=options.take_over)
    set_dumpable(False)  # agents run as the same account: our memory and environment are not theirs to read
    try:
        # The zygote loads its modules while we load ours, which take several times as long.
        zygote = start_zygote(state_dir)
        gc.disable()  # until we listen: of what the modules make nothing is ever to be collected
        load(with_screen=shows_screen(options))
        import trio

        from supervisor.running import run

        return trio.run(run, options, state_dir, zygote)
    finally:
        os.close(lock)


def load(*, with_screen: bool) -> None:
    """Import what a box will need, all of it: an upgrade may replace our files while it runs."""
    # structlog would load rich for tracebacks that we have written by a formatter of our own: 7 MB for nothing.
    sys.modules["rich"] = None  # type: ignore[assignment]  # which is how an import is made to fail
    try:
        import structlog  # noqa: F401
    finally:
        del sys.modules["rich"]
    import supervisor.running

    if with_screen:
        import supervisor.ownscreen  # noqa: F401
