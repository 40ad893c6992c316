"""One connection that carries frames: reads what is there, sends without waiting, keeps what did not go."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable

from workers.core.wire import Frame, Reader
from workers.errors import Broken

READ = 64 << 10  # keys and commands are small


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
        self._unsent = bytearray()
        selector.register(connection, selectors.EVENT_READ, on_ready)

    @property
    def unsent(self) -> int:
        """Octets that the other side has not taken."""
        return len(self._unsent)

    @property
    def is_open(self) -> bool:
        return self._socket.fileno() >= 0

    def send(self, frame: Frame) -> None:
        """The caller bounds `unsent`. Raises Broken when the other side is gone."""
        data = frame.encode()
        if not self._unsent:
            data = data[self._send_some(data) :]
            if not data:
                return
            self._selector.modify(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE, self._on_ready)
        self._unsent += data

    def flush(self) -> None:
        """Send what waits, as far as it goes. Raises Broken."""
        while self._unsent and (sent := self._send_some(self._unsent)):
            del self._unsent[:sent]
        if not self._unsent:
            self._unsent = bytearray()  # the old one keeps the size that it once had
            self._selector.modify(self._socket, selectors.EVENT_READ, self._on_ready)

    def _send_some(self, data: bytes | bytearray) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise Broken(f"the line is cut: {error}") from error

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
