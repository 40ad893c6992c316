"""One connection that carries frames: reads what is there, sends without waiting, keeps what did not go."""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections import deque
from collections.abc import Callable, Sequence
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
        head, payload = frame.head(), frame.payload
        if self._unsent:
            sent = 0
        else:
            sent = self._send_now((head, payload))
            if sent == HEAD.size + len(payload):
                return  # the shortest way of an echo
            self._selector.modify(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE, self._on_ready)
        self._unsent += (head, payload)
        self._unsent_octets += HEAD.size + len(payload)
        self._take_off(sent)

    def send_with(self, frame: Frame, descriptor: int) -> None:
        """`send` and lend the other side a descriptor. One that does not go at once stays here, and the frame goes."""
        if not self._unsent:
            data = frame.encode()
            with contextlib.suppress(OSError):  # full, or cut: `send` finds out which
                sent = socket.send_fds(self._socket, [data], [descriptor])
                assert sent == len(data), "a frame without a payload went in pieces"
                return
        self.send(frame)

    def flush(self) -> None:
        """Send what waits, as far as it goes. Raises Broken."""
        self._send_some()
        if not self._unsent:
            self._selector.modify(self._socket, selectors.EVENT_READ, self._on_ready)

    def _send_some(self) -> None:
        while self._unsent and (sent := self._send_now([*islice(self._unsent, PIECES)])):
            self._take_off(sent)

    def _send_now(self, pieces: Sequence[bytes | memoryview]) -> int:
        """How many octets of the pieces the kernel takes; 0 when it is full."""
        try:
            return self._socket.sendmsg(pieces)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise Broken(f"the line is cut: {error}") from error

    def _take_off(self, sent: int) -> None:
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
