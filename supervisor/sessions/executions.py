"""Programs that people run once in a session's workspace: asked for by request, talked to by a single-use ticket."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from supervisor.core.claims import Deed
from supervisor.sessions.claims import Claims
from supervisor.sessions.contents import check_here
from supervisor.sessions.launcher import MAX_WISH, Launcher, encoded
from supervisor.sessions.line import Line
from supervisor.sessions.session import Session
from workers.core.spec import Spec
from workers.errors import Broken, Refused

TICKET_SECONDS = 30.0  # from asking for it to the stream that uses it
MOST_TICKETS = 256  # not yet used; one more, and the oldest is void
MAX_COMMAND = 64 << 10  # octets of a command line: with the environment it must fit one message to the zygote


@dataclass(frozen=True, slots=True)
class _Prepared:
    session: str
    command: tuple[str, ...]
    rows: int
    columns: int
    plain: bool
    due: float
    device: str | None
    origin: str | None


class Executions:
    """`now` is a clock in seconds that goes on while the machine sleeps. Tickets are kept as their SHA-256 only."""

    def __init__(self, launcher: Launcher, claims: Claims, now: Callable[[], float]) -> None:
        self._launcher = launcher
        self._claims = claims
        self._now = now
        self._prepared: dict[bytes, _Prepared] = {}

    def prepare(
        self,
        session: Session,
        command: Sequence[str],
        rows: int,
        columns: int,
        *,
        plain: bool = False,
        device: str | None = None,
        origin: str | None = None,
    ) -> str:
        """A ticket for a program that starts when the ticket is used; `plain` as `workers.drivers.pty.spawn` has it.
        It is good for the `device` that asks alone, and for its page. Raises Refused `too_large`."""
        check_here(session)
        if sum(len(word.encode()) + 1 for word in command) > MAX_COMMAND:
            raise Refused("too_large", f"a command has at most {MAX_COMMAND} octets", "put it into a script")
        due = self._now() + TICKET_SECONDS
        prepared = _Prepared(session.id, tuple(command), rows, columns, plain, due, device, origin)
        if len(encoded(_wish(session.spec, prepared))) > MAX_WISH:
            detail = f"the command and the session's environment have more than {MAX_WISH} octets together"
            raise Refused(
                "too_large", detail, "make the session with less environment, or put the command into a script"
            )
        ticket, now = secrets.token_urlsafe(32), self._now()
        self._prepared = {key: old for key, old in self._prepared.items() if old.due > now}
        while len(self._prepared) >= MOST_TICKETS:
            del self._prepared[next(iter(self._prepared))]
        self._prepared[_digest(ticket)] = prepared
        return ticket

    def holder(self, session: str, ticket: str) -> tuple[str | None, str | None] | None:
        """The device that a ticket for this session was given to, and its page's Origin. The ticket stays good."""
        prepared = self._prepared.get(_digest(ticket))
        if prepared is None or prepared.session != session or prepared.due < self._now():
            return None
        return prepared.device, prepared.origin

    async def open(self, session: Session, ticket: str, device: str | None = None) -> Line:
        """Start the program: the line on which it gets KEYS and COMMANDs `resize` and sends OUTPUT, then an ANSWER
        with `exit: {code, signal}`. Closing it ends the program and all that it started.

        Raises Refused `unauthenticated` for a ticket that is unknown, used, old, or of another session or device,
        `invalid_state` while the session is being made or deleted.
        """
        holder = self.holder(session.id, ticket)
        prepared = self._prepared.pop(_digest(ticket), None)
        if prepared is None or holder is None or prepared.device != device:
            raise Refused("unauthenticated", "this ticket is unknown, used or too old", "ask for a new one: rc exec")
        async with self._claims.on(session, Deed.EXECUTE):
            try:
                return Line(await self._launcher.hand_over(_wish(session.spec, prepared)))
            except Broken as error:
                raise Refused("launch_failed", str(error), "try again in a moment") from error


def _wish(spec: Spec, prepared: _Prepared) -> dict[str, Any]:
    """What the zygote is asked for; see `workers.exechost`."""
    return {
        "do": "exec",
        "argv": list(prepared.command),
        "env": {**spec.env, "TERM": spec.env.get("TERM", "xterm-256color")},
        "cwd": spec.workspace,
        "rows": prepared.rows,
        "columns": prepared.columns,
        "plain": prepared.plain,
        "session": spec.id,
    }


def _digest(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode()).digest()
