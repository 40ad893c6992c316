"""A repeat of a POST."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from starlette.types import Message, Receive, Scope, Send

from supervisor.core import access
from supervisor.core.access import OWNER
from supervisor.sessions.errands import Errands
from supervisor.store import Store
from supervisor.web.idempotency import Once


class Box:
    """An API that counts how often it is asked, and answers with what it was told to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.status = 201
        self.gate = trio.Event()
        self.gate.set()
        self.now = 1e9

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        await self.gate.wait()
        state = scope["state"]
        self.asked.append({key: state[key] for key in ("session_id", "message_id") if key in state})
        said = json.dumps({"n": len(self.asked), "body": body.decode()}).encode()
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": said})


class Client:
    def __init__(self, box: Box, once: Once) -> None:
        self.box = box
        self.once = once

    async def post(
        self, key: str | None, body: bytes = b"{}", path: str = access.SESSIONS, method: str = "POST"
    ) -> tuple[int, Any]:
        headers = [(b"idempotency-key", key.encode("latin-1"))] if key is not None else []
        route = access.route(OWNER, method, path)
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
            "state": {"principal": OWNER, "route": route},
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.once(scope, receive, send)
        return sent[0]["status"], json.loads(sent[1]["body"])


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    box, errands, numbers = Box(), Errands(), iter(range(100))
    async with Store.open(str(tmp_path / "box.sqlite")) as store, trio.open_nursery() as nursery:
        await nursery.start(errands.run)
        once = Once(box, store, errands.carry_out, lambda: f"session_{next(numbers)}", lambda: box.now)
        yield Client(box, once)
        nursery.cancel_scope.cancel()


async def test_without_a_key_everything_is_carried_out(client: Client) -> None:
    assert await client.post(None) == (201, {"n": 1, "body": "{}"})
    assert await client.post(None) == (201, {"n": 2, "body": "{}"})
    assert client.box.asked == [{}, {}]


async def test_a_repeat_gets_the_first_answer(client: Client) -> None:
    first = await client.post("k")
    assert await client.post("k") == first == (201, {"n": 1, "body": "{}"})
    assert await client.post("other") == (201, {"n": 2, "body": "{}"})
    assert await client.post("k", path="/v1/projects") == (201, {"n": 3, "body": "{}"})


async def test_a_key_is_kept_for_a_day(client: Client) -> None:
    await client.post("k")
    client.box.now += 23.9 * 3600
    await client.post("k")
    client.box.now += 0.2 * 3600
    await client.post("k")
    assert len(client.box.asked) == 2


async def test_only_posts_have_keys(client: Client) -> None:
    for _ in range(2):
        await client.post("k", path="/v1/box", method="PATCH")
    assert len(client.box.asked) == 2


async def test_another_body_is_refused(client: Client) -> None:
    await client.post("k")
    status, told = await client.post("k", b'{"name":"x"}')
    assert (status, told["code"]) == (422, "invalid")
    assert len(client.box.asked) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "\xff"])
async def test_what_is_no_key_is_refused(client: Client, key: str) -> None:
    status, told = await client.post(key)
    assert (status, told["code"]) == (422, "invalid")
    assert client.box.asked == []


async def test_a_refusal_is_not_kept(client: Client) -> None:
    client.box.status = 409
    assert (await client.post("k"))[0] == 409
    client.box.status = 201
    assert (await client.post("k"))[0] == 201
    assert len(client.box.asked) == 2


async def test_a_repeat_at_the_same_time_waits_for_the_first(client: Client) -> None:
    client.box.gate = trio.Event()
    answers: list[tuple[int, Any]] = []

    async def ask() -> None:
        answers.append(await client.post("k"))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        client.box.gate.set()
    assert answers == [(201, {"n": 1, "body": "{}"})] * 3


async def test_who_goes_away_and_asks_again_waits_for_the_first_too(client: Client) -> None:
    client.box.gate = trio.Event()
    with trio.move_on_after(0.01) as waited:
        await client.post("k")
    assert waited.cancelled_caught
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.post, "k")
        await trio.testing.wait_all_tasks_blocked()
        client.box.gate.set()
    assert len(client.box.asked) == 1


async def test_a_repeat_after_a_crash_carries_the_same_ids(client: Client) -> None:
    client.box.status = 503  # the answer of a box that ended in the middle is never kept
    await client.post("k")
    await client.post("k")
    first, second = client.box.asked
    assert first == second
    assert first["session_id"] == "session_0"
    await client.post("other")
    assert client.box.asked[2]["session_id"] == "session_1"
    assert client.box.asked[2]["message_id"] != first["message_id"]


async def test_a_command_has_no_session_to_make(client: Client) -> None:
    await client.post("k", path=access.SESSIONS + "/session_a/commands")
    assert list(client.box.asked[0]) == ["message_id"]


async def test_a_secret_answer_is_not_kept(client: Client) -> None:
    for _ in range(2):
        await client.post("k", path=access.SESSIONS + "/session_a/exec")
    assert client.box.asked == [{}, {}]
