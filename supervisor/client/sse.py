"""Streams of a box as server-sent events: what a verb needs to follow something without trio."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

from supervisor.client.api import PASSING, Client
from supervisor.client.farewell import refusal_of_bye
from workers.errors import Broken, Refused

SILENCE_SECONDS = 45.0  # a box says something every 15 s, if only a comment
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0

Message = dict[str, Any]


def follow(client: Client, path: str, until: float | None = None, **query: object) -> Iterator[Message]:
    """Every message of a stream; after a cut it goes on behind the last one that had an id.

    `until` is a time of the monotonic clock, at which Refused `timeout` is raised. Before the first message
    everything that goes wrong is raised, later only a refusal that stays.
    """
    last, known, pause = "", False, FIRST_PAUSE
    while True:
        try:
            for id, message in _read(client, path, query, last, until):
                known, pause = True, FIRST_PAUSE
                last = id or last
                yield message
            if not known:
                raise Broken("the box ended its stream before it had begun")
        except (Broken, Refused) as error:
            _check(until)
            if not known or (isinstance(error, Refused) and error.code not in PASSING):
                raise
        _check(until)
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def _read(
    client: Client, path: str, query: dict[str, object], last: str, until: float | None
) -> Iterator[tuple[str, Message]]:
    """One connection, from its first message to its end."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
    timeout = SILENCE_SECONDS if until is None else min(SILENCE_SECONDS, max(until - time.monotonic(), 0.001))
    with client.answer("GET", path, None, headers, query, timeout) as answer:
        id, data = "", ""
        for line in _lines(answer):
            name, _, value = line.partition(": ")
            if name == "data":
                data += value
            elif name == "id":
                id = value
            elif not line and data:
                message = json.loads(data)
                if message.get("type") == "bye":
                    if refusal := refusal_of_bye(message):
                        raise refusal
                    return
                yield id, message
                id, data = "", ""
            if until is not None and time.monotonic() >= until:
                return


def _lines(answer: http.client.HTTPResponse) -> Iterator[str]:
    while line := answer.readline():
        yield line.decode(errors="replace").rstrip("\r\n")


def _check(until: float | None) -> None:
    if until is not None and time.monotonic() >= until:
        raise Refused("timeout", "it took longer than --timeout", "rc ls shows how it stands")
