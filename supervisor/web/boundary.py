"""The boundary of one connection: a bug inside it is written into the log and goes no further."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import structlog
import trio

from workers.errors import Broken

log = structlog.get_logger()


class Outcome:
    """How the block ended: `failed` when there was a bug in it."""

    failed = False


@contextlib.contextmanager
def one_connection(**facts: object) -> Iterator[Outcome]:
    """Ends quietly when the peer has left, loudly (in the log) for a bug. Cancellation passes through."""
    outcome = Outcome()
    try:
        yield outcome
    except* (Broken, trio.BrokenResourceError, trio.ClosedResourceError):
        log.debug("peer_gone", **facts)
    except* Exception as bugs:
        outcome.failed = True
        log.error("connection_failed", exc_info=bugs, **facts)
