"""Many requests, one after the other, each on a connection of its own: what each got.

Run as `askall.py SOCKET REQUESTS RESULT` by a program inside a session: REQUESTS is a file of JSON, RESULT is written
when all are answered. A request is `{method, path, body, headers, says}`; an answer is `[status, code of the problem]`,
and for a WebSocket that was opened one such code, or null, for each message that `says` lists.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.flows.rawstream import RawStream

SECONDS = 30.0
Connect = Callable[[], socket.socket]
Request = dict[str, Any]
Answer = tuple[int, Any]


def ask(connect: Connect, request: Request, host: str = "box") -> Answer:
    """One request."""
    if request.get("says") is not None:
        return _stream(connect, request, host)
    connection = http.client.HTTPConnection(host, timeout=SECONDS)
    connection.sock = connect()
    body = request.get("body")
    named = {} if body is None else {"content-type": "application/json"}
    with contextlib.closing(connection):
        connection.request(request["method"], request["path"], body, {**named, **request.get("headers", {})})
        answer = connection.getresponse()
        is_problem = "problem" in (answer.getheader("content-type") or "")
        return answer.status, json.loads(answer.read())["code"] if is_problem else None


def _stream(connect: Connect, request: Request, host: str) -> Answer:
    """A WebSocket, and what is said on it. A message that is not refused before a ping is answered was taken."""
    connection = connect()
    with contextlib.closing(connection):
        headers = request.get("headers", {})
        stream = RawStream(connection, request["path"], host=host, ticket=request.get("ticket"), headers=headers)
        if stream.status != 101:
            return stream.status, stream.problem()["code"]
        return 101, [_said(stream, number, message) for number, message in enumerate(request["says"])]


def _said(stream: RawStream, number: int, message: Any) -> str | None:
    before = len(stream.of("refused"))
    if message == "keys":
        stream.type(b"x")
    else:
        stream.say(**message)
    stream.say(type="ping", id=f"p{number}")
    stream.hear("pong", lambda pong: pong["id"] == f"p{number}")
    refused = stream.of("refused")[before:]
    return refused[0]["error"]["code"] if refused else None


def main(path: str, requests: str, result: str) -> None:
    def connect() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(path)
        return connection

    answers = [ask(connect, request) for request in json.loads(Path(requests).read_text())]
    part = Path(f"{result}.part")
    part.write_text(json.dumps(answers))
    os.replace(part, result)


if __name__ == "__main__":
    main(*sys.argv[1:])
