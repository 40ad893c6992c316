"""A line to a browser in the DevTools protocol: calls and their answers, and what a target tells by itself.

The counterpart is `browser`: processes, pages, keys and clicks. See https://chromedevtools.github.io/devtools-protocol/.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, connect_websocket_url

CALL_SECONDS = 60.0  # on a machine that runs other tests too
LARGEST_MESSAGE = 256 << 20  # octets: a screenshot, or the value of an expression, is one message
CLOSE_SECONDS = 1.0

Told = Callable[[str, dict[str, Any]], None]


class Refusal(Exception):
    """The browser said no to a call."""


class DevTools:
    """One line. `hear` names who is told what a target's session tells."""

    def __init__(self, line: WebSocketConnection) -> None:
        self._line = line
        self._numbers = itertools.count(1)
        self._waiting: dict[int, trio.MemorySendChannel[dict[str, Any]]] = {}
        self._told: dict[str, Told] = {}

    def hear(self, session: str, told: Told) -> None:
        self._told[session] = told

    async def call(self, method: str, session: str | None = None, **parameters: object) -> dict[str, Any]:
        """Raises Refusal with the browser's words; EOFError when the browser goes away meanwhile."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        send, receive = trio.open_memory_channel[dict[str, Any]](1)  # there is one answer
        self._waiting[number] = send
        try:
            with trio.fail_after(CALL_SECONDS):
                await self._line.send_message(
                    json.dumps(message if session is None else {**message, "sessionId": session})
                )
                answer = await receive.receive()
        except (trio.EndOfChannel, ConnectionClosed) as error:
            raise EOFError(f"the browser went away before it answered {method}") from error
        finally:
            self._waiting.pop(number, None)
        if "error" in answer:
            raise Refusal(f"{method}: {answer['error'].get('message')}")
        result: dict[str, Any] = answer["result"]
        return result

    async def read(self) -> None:
        """Until the line ends."""
        try:
            while True:
                self._take(json.loads(await self._line.get_message()))
        except ConnectionClosed:
            for waiting in self._waiting.values():
                waiting.close()

    def _take(self, message: dict[str, Any]) -> None:
        if "id" not in message:
            told = self._told.get(message.get("sessionId", ""))
            if told is not None:
                told(message["method"], message.get("params", {}))
        elif (waiting := self._waiting.get(message["id"])) is not None:
            waiting.send_nowait(message)


@contextlib.asynccontextmanager
async def open_devtools(url: str) -> AsyncIterator[DevTools]:
    async with trio.open_nursery() as nursery:
        line = await connect_websocket_url(nursery, url, max_message_size=LARGEST_MESSAGE)
        tools = DevTools(line)
        nursery.start_soon(tools.read)
        try:
            yield tools
        finally:
            with trio.move_on_after(CLOSE_SECONDS, shield=True):
                await line.aclose()
            nursery.cancel_scope.cancel()
