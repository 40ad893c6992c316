"""Idempotency keys: a repeat of a POST gets the first answer again, and has no second effect."""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple, Protocol, TypeVar

import trio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from supervisor.core import access
from supervisor.records import Answer, keep_answer, kept_answer
from supervisor.store import Act
from supervisor.web.body import given_back
from supervisor.web.head import Head
from supervisor.web.problems import problem_response
from workers.errors import Refused

UNFINISHED = 0  # the status of an answer that was never given: the box ended while it was at work
# Kept nowhere.
SECRET_ANSWERS = {
    access.SESSION + "/exec",
    access.SESSION + "/bridge",
    "/v1/pairings",
    "/v1/pairings/claim",
    "/v1/pairings/{id}/open",
    "/v1/tokens",
    "/v1/tickets",
}
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_NAMES = uuid.UUID("6f2b6f0a-52c5-5d0c-9d3b-6f1f0e6b8c11")  # ours alone, drawn once

Value = TypeVar("Value")


class Kept(Protocol):
    """The store, as far as it is needed here."""

    async def read(self, act: Act[Value]) -> Value: ...

    async def write(self, act: Act[Value]) -> Value: ...


class Slot(NamedTuple):
    """What a key counts for."""

    who: str
    method: str
    path: str
    key: str


class Once:
    """The API with its POSTs carried out once per key.

    A new session's id is chosen here and kept with the key *before* the effect, a command gets a `message_id` made of
    the key: so a repeat after a crash, when no answer was kept, finds what the first one has done.
    """

    def __init__(
        self,
        app: ASGIApp,
        store: Kept,
        carry_out: Callable[[Callable[[], Awaitable[Answer]]], Awaitable[Answer]],
        new_id: Callable[[], str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._app = app
        self._store = store
        self._carry_out = carry_out
        self._new_id = new_id
        self._clock = clock
        self._turns: dict[Slot, trio.Lock] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        slot = self._slot(scope) if scope["type"] == "http" else None
        if slot is None:
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._answer(slot, scope, (await receive()).get("body", b""))
        except Refused as refused:
            status, headers, body = problem_response(refused)
        else:
            body = answer.answer.encode("ascii")
            status, headers = answer.status, _headers(answer.status, body)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _slot(self, scope: Scope) -> Slot | None:
        head = Head.of_scope(scope)
        key = head.header("idempotency-key")
        if key is None or head.method != "POST" or scope["state"]["route"].template in SECRET_ANSWERS:
            return None
        return Slot(scope["state"]["principal"].kind, head.method, head.path, key)

    async def _answer(self, slot: Slot, scope: Scope, body: bytes) -> Answer:
        if not _KEY.fullmatch(slot.key):
            raise _invalid("an Idempotency-Key has 1 to 255 visible ASCII characters")
        # The turn is held by the work and not by who waits for it: somebody may go away and ask again at once.
        return await self._carry_out(lambda: self._in_turn(slot, scope, body))

    async def _in_turn(self, slot: Slot, scope: Scope, body: bytes) -> Answer:
        digest = hashlib.sha256(scope["query_string"] + b"\0" + body).hexdigest()
        async with self._turn(slot):
            now = self._clock()
            kept = await self._store.read(lambda connection: kept_answer(connection, *slot, now))
            if kept is not None and kept.body != digest:
                raise _invalid("this Idempotency-Key was used with another body")
            if kept is not None and kept.status != UNFINISHED:
                return kept
            return await self._first(slot, scope, body, digest, kept)

    async def _first(self, slot: Slot, scope: Scope, body: bytes, digest: str, begun: Answer | None) -> Answer:
        state = scope["state"]
        state["message_id"] = str(uuid.uuid5(_NAMES, "\0".join(slot)))
        if state["route"].template == access.SESSIONS:
            state["session_id"] = begun.answer if begun else self._new_id()
            if begun is None:
                await self._keep(slot, Answer(digest, UNFINISHED, state["session_id"]))
        status, said = await _listen(self._app, scope, body)
        answer = Answer(digest, status, said.decode("ascii"))
        if 200 <= status < 300:
            await self._keep(slot, answer)
        return answer

    async def _keep(self, slot: Slot, answer: Answer) -> None:
        now = self._clock()
        await self._store.write(lambda connection: keep_answer(connection, *slot, answer, now))

    @contextlib.asynccontextmanager
    async def _turn(self, slot: Slot) -> AsyncIterator[None]:
        """One request of a key at a time; as many locks as requests with a key are under way."""
        lock = self._turns.setdefault(slot, trio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():  # nobody waits either: a lock is handed on
                self._turns.pop(slot, None)


async def _listen(app: ASGIApp, scope: Scope, body: bytes) -> tuple[int, bytes]:
    """Status and body of what `app` answers."""
    status, pieces = 0, list[bytes]()

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            pieces.append(message.get("body", b""))

    await app(scope, given_back(body, trio.sleep_forever), send)
    return status, b"".join(pieces)


def _headers(status: int, body: bytes) -> list[tuple[bytes, bytes]]:
    media_type = b"application/json" if status < 400 else b"application/problem+json"
    return [(b"content-type", media_type), (b"content-length", str(len(body)).encode("ascii"))]


def _invalid(detail: str) -> Refused:
    return Refused("invalid", detail, "use a new key for a new request")
