"""The registry: all sessions of a box, by id. The counterpart in the store is `index`; the bundles are the truth."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

from supervisor.core.facts import Facts
from supervisor.core.hold import Turn
from supervisor.sessions.session import Session
from workers.bundle import Bundle
from workers.core.spec import Spec
from workers.errors import Refused


class Registry:
    """Sessions by id, oldest first. `on_change` is told the id of each that is new, changed or gone."""

    def __init__(self, directory: str, on_change: Callable[[str], None]) -> None:
        self.directory = directory
        self._sessions: dict[str, Session] = {}
        self._names_claimed: set[str] = set()
        self._on_change = on_change

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._sessions.values()))

    def add(self, spec: Spec, facts: Facts) -> Session:
        bundle = Bundle(os.path.join(self.directory, spec.id))
        session = Session(spec, facts, bundle, lambda changed: self._on_change(changed.id))
        self._sessions[spec.id] = session
        self._on_change(spec.id)
        return session

    def remove(self, session: Session) -> None:
        del self._sessions[session.id]
        self._on_change(session.id)
        session.turn(Turn.REMOVED)

    def find(self, id: str) -> Session | None:
        return self._sessions.get(id)

    def get(self, id: str) -> Session:
        """Raises Refused `unknown_session`."""
        session = self._sessions.get(id)
        if session is None:
            raise Refused("unknown_session", f"there is no session {id}", "rc ls -a shows those that there are")
        return session

    def names_taken(self) -> set[str]:
        """Names that a new session may not have: those of all that are not archived, or are about to be called so."""
        return {session.facts.name for session in self if not session.facts.archived} | self._names_claimed

    def check_free(self, name: str) -> None:
        """Raises Refused `name_taken`."""
        if name in self.names_taken():
            raise Refused("name_taken", f"there is a session called {name}", "choose another name, or rc archive it")

    @contextlib.contextmanager
    def claiming_name(self, name: str) -> Iterator[None]:
        """While a session is about to be called so. Raises Refused `name_taken`."""
        # Taken before anything is awaited, so that no two can ever both find the name free.
        self.check_free(name)
        self._names_claimed.add(name)
        try:
            yield
        finally:
            self._names_claimed.remove(name)
