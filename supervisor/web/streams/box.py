"""The stream of the box: whole current objects, as the caller may see them, whenever they change."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

import trio

from supervisor.core.access import Principal
from supervisor.core.messages import Ping, Unfit, parse
from supervisor.errors import problem
from supervisor.sessions import news
from supervisor.sessions.news import ToldBox
from supervisor.sessions.watch import Watch
from supervisor.web.problems import to_json
from supervisor.web.streams.dialect import Dialect
from supervisor.web.streams.sender import Sender
from supervisor.web.streams.source import NOWHERE, Batch, Ending
from workers.errors import Refused

PAUSE_SECONDS = 0.05  # between two looks at what has changed: a burst of changes is one object, and nobody sees it


class WatchedBox(ToldBox, Protocol):
    """What this stream needs of the box."""

    @property
    def stopping(self) -> trio.Event: ...


class BoxSource:
    """A source of the box's objects. What changes while a client does not read is told once, as it then is."""

    def __init__(self, box: WatchedBox, principal: Principal, dialect: Dialect) -> None:
        self.stalled = False
        self.ending: Ending | None = None
        self._box = box
        self._principal = principal
        self._dialect = dialect
        self._said: deque[bytes] = deque()
        self._changed: dict[str, None] = {}  # in the order of their first change
        self.say(**news.hello(box, principal))

    @property
    def unsaid(self) -> int:
        return len(self._said)

    def say(self, **message: object) -> None:
        self._said.append(to_json(message))

    async def follow(self, watch: Watch, moved: Callable[[], None]) -> None:
        """Take note of changes, for ever."""
        while True:
            self._changed |= dict.fromkeys(news.concerning(await watch.next(), self._principal))
            moved()
            await trio.sleep(PAUSE_SECONDS)

    def batch(self) -> Batch:
        batch = Batch(said=len(self._said))
        for body in self._said:
            batch.add(self._dialect.text(body, None), NOWHERE)
        for key in self._changed:
            if batch.is_full:
                batch.more = True
                break
            batch.add(self._dialect.text(to_json(news.message(self._box, self._principal, key)), None), NOWHERE)
            batch.paged += 1
        return batch

    def advance(self, batch: Batch, count: int) -> None:
        for _ in range(min(count, batch.said)):
            self._said.popleft()
        for key in list(self._changed)[: max(count - batch.said, 0)]:
            del self._changed[key]

    def is_done(self, batch: Batch, count: int) -> bool:
        return count == len(batch.pieces) and not (batch.more or self._said)

    async def fetch(self) -> None:
        """Everything is in memory."""
        await trio.lowlevel.checkpoint()


class BoxDesk:
    """Takes what a client says here, which is nothing but a ping."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def take(self, frame: str | bytes) -> None:
        message = parse(frame)
        if isinstance(message, Ping):
            self._sender.say(type="pong", id=message.id)
            return
        refused = Refused("invalid", "the stream of the box only tells", "send commands on a session's stream")
        if isinstance(message, Unfit):
            refused = message.refused
        self._sender.say(type="refused", id=None, error=problem(refused))
