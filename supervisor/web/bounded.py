"""Hypercorn's server for one connection, with a deadline on every write and nothing but HTTP/1.1 on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import h11
import structlog
import trio
from hypercorn.config import Config
from hypercorn.events import Event, RawData, Updated
from hypercorn.logging import Logger
from hypercorn.protocol.events import Request
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState

from supervisor.web.head import HEAD_LIMIT, HEAD_TIMEOUT, malformed
from supervisor.web.problems import SECURITY_HEADERS, closing_response, problem_response
from workers.errors import Refused

WRITE_TIMEOUT = 10.0  # seconds without progress; a phone that changes from Wi-Fi to mobile is back in 5
SEND_PIECE = 64 * 1024  # octets under one deadline, so that a slow reader of a large answer is not a stuck one

More = Callable[[], list[tuple[bytes, bytes]]]  # further headers of every answer on a line, as they are now

log = structlog.get_logger()


class _Log(Logger):
    """What Hypercorn has to say, in our log and without access lines."""

    async def access(self, request: Any, response: Any, request_time: float) -> None:
        pass

    async def exception(self, message: str, *args: Any, **kwargs: Any) -> None:
        log.exception("connection_failed", server=message)


def _config() -> Config:
    """How every connection is served."""
    config = Config()
    config.errorlog = None
    config.logger_class = _Log
    config.include_server_header = False
    config.h11_max_incomplete_size = HEAD_LIMIT
    # Between two requests; also the deadline for the head of the second one, which nobody else sets.
    config.keep_alive_timeout = HEAD_TIMEOUT
    return config


CONFIG = _config()


class _PlainHttp(H11Protocol):
    """HTTP/1.1 whose refusals are problem objects, and which neither upgrades to WebSocket nor to HTTP/2."""

    more: More  # goes with what is refused here, where no application adds them

    async def _check_protocol(self, event: h11.Request) -> None:
        """Hypercorn's own would go over to HTTP/2, where what was checked on this connection does not hold."""

    async def _create_stream(self, request: h11.Request) -> None:
        self.stream = HTTPStream(
            self.app, self.config, self.context, self.task_group, False, None, None, self.stream_send, STREAM_ID
        )
        await self.stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=list(request.headers),
                http_version=request.http_version.decode("ascii"),
                method=request.method.decode("ascii").upper(),
                raw_path=request.target,
                state=self.connection_state,
            )
        )
        self.keep_alive_requests += 1

    async def _send_error_response(self, status_code: int) -> None:
        refused = malformed(h11.RemoteProtocolError("it breaks the rules", error_status_hint=status_code))
        status, headers, body = problem_response(refused)
        ending = [*headers, *SECURITY_HEADERS, *self.more(), (b"connection", b"close")]
        await self._send_h11_event(h11.Response(status_code=status, headers=ending))
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())


class Bounded(TCPServer):
    """One connection. It ends when its peer leaves, stops reading, or breaks HTTP; nothing of it is shielded."""

    def __init__(
        self,
        app: AppWrapper,
        context: WorkerContext,
        state: dict[str, object],
        stream: trio.abc.HalfCloseableStream,
        more: More = list,
    ) -> None:
        # The parent's annotation names its TLS stream; it takes any that shows `.socket`, or none as here.
        super().__init__(app, CONFIG, context, state, cast(Any, stream))
        self._more = more
        self._line = trio.CancelScope()
        self._has_left = False  # nothing more will come; what was asked for is still answered

    async def run(self) -> None:
        with self._line:
            async with TaskGroup() as group:
                self._task_group = group
                state = ConnectionState(self.state)
                protocol = _PlainHttp(
                    self.app, self.config, self.context, group, state, False, None, None, self.protocol_send
                )
                protocol.more = self._more
                self.protocol = protocol  # type: ignore[assignment]  # Hypercorn's wrapper only adds HTTP/2
                await self.idle_task.restart(group, self._idle_timeout)
                await self._read_data()
                # Hypercorn's own would keep the line of a peer that has left for as long as of one that thinks.
                self._has_left = True
                await self.idle_task.stop()
        await trio.aclose_forcefully(self.stream)

    async def protocol_send(self, event: Event) -> None:
        if not isinstance(event, RawData):
            if not (self._has_left and isinstance(event, Updated)):
                await super().protocol_send(event)
            return
        whole = False
        try:
            async with self.send_lock:
                await self._send(event.data)
            whole = True
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            log.debug("reader_gone")
        finally:
            if not whole:  # half an answer is on the line, nothing sensible can follow it
                self._line.cancel()

    async def _send(self, data: bytes) -> None:
        with memoryview(data) as view:
            for start in range(0, len(view), SEND_PIECE):
                with trio.fail_after(WRITE_TIMEOUT):
                    await self.stream.send_all(view[start : start + SEND_PIECE])

    async def _idle_timeout(self) -> None:
        with trio.move_on_after(self.config.keep_alive_timeout):
            await self.context.terminated.wait()
        if self.protocol.connection.trailing_data[0]:  # type: ignore[attr-defined]
            late = Refused("request_timeout", f"no whole request came within {HEAD_TIMEOUT:.0f} s", "send it at once")
            await self.protocol_send(RawData(closing_response(late, more=self._more())))
        await self._initiate_server_close()
