"""Following a stream without trio."""

from __future__ import annotations

import json
import threading
import time
from itertools import islice
from typing import Any

import pytest

from supervisor.client import sse
from supervisor.client.api import Client
from tests.supervisor.cli.oddbox import Asked, OddBox, Reply
from tests.supervisor.cli.stage import client_at
from workers.errors import Broken, Refused

STREAM = {"Content-Type": "text/event-stream"}


@pytest.fixture
def client(odd: OddBox) -> Client:
    return client_at(odd.path)


def test_messages_come_as_they_were_told(odd: OddBox, client: Client) -> None:
    odd.events("/s", {"type": "hello"}, {"type": "event", "text": "a\nb"})
    assert list(islice(sse.follow(client, "/s", after=3), 2)) == [{"type": "hello"}, {"type": "event", "text": "a\nb"}]
    assert odd.asked[0].headers["Accept"] == "text/event-stream"
    assert odd.asked[0].query == {"after": "3"}


def test_after_a_cut_it_goes_on_behind_the_last_message(odd: OddBox, client: Client) -> None:
    def answer(asked: Asked) -> Reply:
        number = int(asked.headers.get("Last-Event-ID", "0:0").partition(":")[0]) + 1
        return Reply(f'id: {number}:0\ndata: {{"type":"event","seq":{number}}}\n\n'.encode(), headers=STREAM)

    odd.answers["GET", "/s"] = answer
    assert [message["seq"] for message in islice(sse.follow(client, "/s"), 4)] == [1, 2, 3, 4]


def test_a_box_that_stops_and_one_that_starts_are_waited_for(odd: OddBox, client: Client) -> None:
    bye = {"type": "bye", "reason": "supervisor_stopping", "retry": True}
    refusal = json.dumps({"code": "not_ready", "detail": "soon", "hint": ""}).encode()
    answers = iter(
        [
            Reply(f'data: {{"type":"hello"}}\n\ndata: {json.dumps(bye)}\n\n'.encode(), headers=STREAM),
            Reply(refusal, 503),
            Reply(b'data: {"type":"hello","again":true}\n\n', headers=STREAM),
        ]
    )
    odd.answers["GET", "/s"] = lambda asked: next(answers)
    told = list(islice(sse.follow(client, "/s"), 2))
    assert told == [{"type": "hello"}, {"type": "hello", "again": True}]


def first(client: Client, until: float | None = None) -> dict[str, Any]:
    return next(iter(sse.follow(client, "/s", until)))


def test_what_goes_wrong_at_the_beginning_is_told_at_once(odd: OddBox, client: Client) -> None:
    odd.refuse("GET", "/s", 503, "not_ready")
    with pytest.raises(Refused):
        first(client)
    odd.answers["GET", "/s"] = Reply(b'{"a"', cut=True)
    with pytest.raises(Broken):
        first(client)


def test_a_session_that_is_no_more_is_told(odd: OddBox, client: Client) -> None:
    odd.events("/s", {"type": "hello"}, {"type": "bye", "reason": "session_deleted", "retry": False})
    with pytest.raises(Refused) as refused:
        list(sse.follow(client, "/s"))
    assert (refused.value.code, refused.value.detail) == ("unknown_session", "session deleted")


def test_a_deadline_ends_it(odd: OddBox, client: Client) -> None:
    odd.events("/s", {"type": "hello"})
    with pytest.raises(Refused) as refused:
        list(sse.follow(client, "/s", time.monotonic() + 0.1))
    assert refused.value.code == "timeout"


def test_a_silent_box_does_not_outlast_the_deadline(odd: OddBox, client: Client) -> None:
    never = threading.Event()

    def wait(asked: Asked) -> Reply:
        never.wait(5)
        return Reply(b"")

    odd.answers["GET", "/s"] = wait
    with pytest.raises(Refused) as refused:
        first(client, time.monotonic() + 0.1)
    never.set()
    assert refused.value.code == "timeout"
