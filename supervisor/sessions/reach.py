"""How a session reaches what holds its bundle: a worker over a link, or the box's own stand-in for a remote one."""

from __future__ import annotations

from typing import Any, Protocol

from supervisor.sessions.link import Question
from workers.core.wire import Kind


class Typing(Protocol):
    """The way of keys; see `typist.Typist`, which is that of a local worker."""

    @property
    def has_room(self) -> bool: ...

    async def wait_room(self) -> None: ...

    def type(self, keys: bytes) -> None: ...


class Reach(Protocol):
    """See `link.Link` and `standin.StandIn`. `keeps`: it takes commands also while nobody is there to do them."""

    @property
    def keeps(self) -> bool: ...

    @property
    def welcome(self) -> dict[str, Any]: ...

    @property
    def typist(self) -> Typing: ...

    def ask(self, kind: Kind, value: object) -> Question: ...

    async def answer(self, question: Question) -> dict[str, Any]: ...

    async def request(self, kind: Kind, value: object) -> dict[str, Any]: ...

    def send(self, kind: Kind) -> None: ...

    def give_back(self) -> None: ...

    async def wait_clear(self) -> None: ...

    def close(self) -> None: ...
