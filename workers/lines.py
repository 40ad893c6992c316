"""One connection that carries frames: reads what is there, sends without waiting, keeps what did not go."""

from __future__ import annotations

import selectors
import socket
from collections import deque
from collections.abc import Callable
from itertools import islice

from workers.core.wire import HEAD, Frame, Reader
from workers.errors import Broken

READ = 64 << 10  # keys and commands are small
PIECES = 16  # heads and payloads given to the kernel at once


class Line:
    """Registers itself with the selector; `on_ready` is called with the event mask when there is something to do."""

    def __init__(
        self, selector: selectors.BaseSelector, connection: socket.socket, on_ready: Callable[[int], None]
    ) -> None:
        connection.setblocking(False)
        self._selector = selector
        self._socket = connection
        self._on_ready = on_ready
        self._reader = Reader()
        self._unsent: deque[bytes | memoryview] = deque()
        self._unsent_octets = 0
        selector.register(connection, selectors.EVENT_READ, on_ready)

    @property
    def unsent(self) -> int:
        """Octets that the other side has not taken."""
        return self._unsent_octets

    @property
    def is_open(self) -> bool:
        return self._socket.fileno() >= 0

    def send(self, frame: Frame) -> None:
        """The caller bounds `unsent`. Raises Broken when the other side is gone."""
        waited = bool(self._unsent)
        self._unsent += (frame.head(), frame.payload)
        self._unsent_octets += HEAD.size + len(frame.payload)
        if not waited:
            self._send_some()
            if self._unsent:
                self._selector.modify(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE, self._on_ready)

    def flush(self) -> None:
        """Send what waits, as far as it goes. Raises Broken."""
        self._send_some()
        if not self._unsent:
            self._selector.modify(self._socket, selectors.EVENT_READ, self._on_ready)

    def _send_some(self) -> None:
        while self._unsent:
            try:
                sent = self._socket.sendmsg([*islice(self._unsent, PIECES)])
            except BlockingIOError:
                return
            except OSError as error:
                raise Broken(f"the line is cut: {error}") from error
            self._unsent_octets -= sent
            while self._unsent and sent >= len(self._unsent[0]):
                sent -= len(self._unsent.popleft())
            if sent:
                self._unsent[0] = memoryview(self._unsent[0])[sent:]

    def receive(self) -> list[Frame]:
        """The frames that are there. Raises Broken at the end of the line, and for what is none of ours."""
        try:
            data = self._socket.recv(READ)
        except BlockingIOError:
            return []
        except OSError as error:
            raise Broken(f"the line is cut: {error}") from error
        if not data:
            raise Broken("the line ended")
        return self._reader.feed(data)

    def close(self) -> None:
        if self.is_open:
            self._selector.unregister(self._socket)
            self._socket.close()
