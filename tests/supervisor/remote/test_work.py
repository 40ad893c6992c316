"""What a worker makes of what the box says; the whole of it is tried in tests/flows/test_remote_workers."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest
import trio

from supervisor.client.line import Line
from supervisor.core.access import OWNER
from supervisor.remote.work import OVER, PAUSE_MOST, VOID, _hello, _Listener, _pauses
from tests.supervisor.sessions.livebox import is_running, live_box, output, until_true
from workers.errors import Broken, Refused

MESSAGE = "11111111-0000-4000-8000-000000000001"
BYE = {"type": "bye", "reason": "supervisor_stopping", "retry": True}


class Told:
    """A line on which the box says these things, one after the other."""

    def __init__(self, *said: dict[str, Any] | bytes) -> None:
        self._said = [*said]
        self.answers: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any] | bytes:
        await trio.lowlevel.checkpoint()
        if not self._said:
            raise Broken("cut")
        return self._said.pop(0)

    async def send(self, value: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        self.answers.append(value)


def line(*said: dict[str, Any] | bytes) -> Line:
    return cast("Line", Told(*said))


def test_it_tries_again_soon_and_then_less_often() -> None:
    pauses = [*islice(_pauses(), 40)]
    assert pauses[0] < 0.3 and max(pauses) <= PAUSE_MOST * 1.25 and min(pauses[20:]) > PAUSE_MOST * 0.7


async def test_a_box_says_hello_first() -> None:
    hello = {"type": "hello", "protocol": 1}
    assert await _hello(line(hello)) == hello
    for said, kind in (
        ({"type": "hello", "protocol": 2}, "failed"),
        ({"type": "bye", "reason": "ended", "retry": False}, OVER[0]),
    ):
        with pytest.raises(Refused) as caught:
            await _hello(line(said))
        assert caught.value.code == kind
    for odd in (b"\x01x", BYE):
        with pytest.raises(Broken):
            await _hello(line(odd))


async def test_commands_and_keys_are_carried_out_and_a_repeat_is_not(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sh", "-c", "stty -echo; echo ready; cat")
        with session.hub.looking():
            await until_true(session, lambda: session.hub.end > 0)
        prompt = {"type": "command", "number": 7, "command": {"kind": "prompt", "text": "once", "message_id": MESSAGE}}
        unknown = {"type": "command", "number": 8, "command": {"kind": "cancel_message", "message_id": MESSAGE}}
        told = Told({"type": "recorded", "number": 3}, prompt, prompt, b"\x01keys\r", unknown, BYE)
        await _Listener(session, cast("Line", told)).run()
        first, again, refused = told.answers
        assert first == again == {"type": "done", "number": 7}
        assert refused["number"] == 8 and refused["error"]["code"] == "invalid_state"
        with session.hub.looking():
            await until_true(session, lambda: session.hub.end >= len(b"ready\r\nonce\r\nkeys\r\n"))
        assert await output(session) == b"ready\r\nonce\r\nkeys\r\n"
        assert is_running(session)
        await box.verbs.stop(session, OWNER)
        late = Told({**prompt, "number": 9, "command": {"kind": "interrupt"}}, BYE)
        await _Listener(session, cast("Line", late)).run()
        assert late.answers[0]["error"]["code"] == "not_running"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"type": "bye", "reason": "ended", "retry": False}, OVER[0]),
        ({"type": "bye", "reason": "stale_generation", "retry": False}, VOID[0]),
        ({"type": "bye", "reason": "revoked", "retry": False}, VOID[1]),
        ({"type": "bye", "reason": "superseded", "retry": False}, "already_claimed"),
        ({"type": "refused", "error": {"detail": "no"}}, "failed"),
    ],
)
async def test_a_goodbye_says_whether_to_come_again(tmp_path: Path, said: dict[str, Any], code: str) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("true")
        with pytest.raises(Refused) as caught:
            await _Listener(session, line(said)).run()
        assert caught.value.code == code
        await until_true(session, lambda: session.ended)
