"""TLS for the listener: the server's side of one connection, its records made and read in memory.

So, unlike over trio's own stream, what is sealed can be written to the socket in the same step, and a send that is
cancelled says so: that is what the short way out of a WebSocket (`streams/outlet`) lives by.
"""

from __future__ import annotations

import contextlib
import ssl

import trio

from workers.errors import Refused

HANDSHAKE_TIMEOUT = 10.0  # seconds: two or three round trips, which a phone on a bad line makes in 3
READ = 64 << 10  # octets at a time, of records as of what they hold


class TlsStream(trio.abc.HalfCloseableStream):
    """`transport_stream` with TLS on it. Nothing can be sent or received before `do_handshake`."""

    def __init__(self, transport_stream: trio.SocketStream, context: ssl.SSLContext) -> None:
        self.transport_stream = transport_stream
        self.socket = transport_stream.socket
        self.has_ended = False  # the other side has said that nothing more comes
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._clear = b""  # unsealed, and not asked for yet
        self._is_cut = False  # a send ended in the middle of a record

    async def do_handshake(self) -> None:
        """Raises BrokenResourceError when there is no agreement within `HANDSHAKE_TIMEOUT`, and Refused(`invalid`) for
        plain HTTP, which is to be told so in the same."""
        try:
            with trio.fail_after(HANDSHAKE_TIMEOUT):
                while not self._shake_hands():
                    await self._say()
                    data = await self.transport_stream.receive_some(READ)
                    if not data:
                        raise trio.BrokenResourceError("the client left during the handshake")
                    self._incoming.write(data)
                await self._say()
        except trio.TooSlowError:
            raise trio.BrokenResourceError("the handshake took too long") from None
        except ssl.SSLError as error:
            if error.reason == "HTTP_REQUEST":
                raise Refused("invalid", "this port speaks TLS, and this was plain HTTP", "use https://") from error
            await self._say()  # the alert that tells the client what we did not like
            raise trio.BrokenResourceError(f"no agreement on TLS: {error.reason}") from error

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    async def _say(self) -> None:
        await self.transport_stream.send_all(self._outgoing.read())

    def selected_alpn_protocol(self) -> str | None:
        return self._tls.selected_alpn_protocol()

    # What needs no waiting

    def seal(self, data: bytes | bytearray | memoryview) -> bytes:
        """The records that carry `data`. They are numbered: each must be sent, whole, and in this order."""
        try:
            with memoryview(data) as view:
                done = 0
                while done < len(view):
                    done += self._tls.write(view[done:])
        except ssl.SSLError as error:  # we have said that we are done
            raise trio.ClosedResourceError(f"TLS is closed: {error.reason}") from error
        return self._outgoing.read()

    def unseal(self, data: bytes) -> bytes:
        """What is to be read, given the octets that came next: perhaps nothing yet, and perhaps, for no octets,
        something that came before. Raises BrokenResourceError for what is no record of theirs."""
        self._incoming.write(data)
        pieces, self._clear = [self._clear], b""
        try:
            while piece := self._tls.read(READ):
                pieces.append(piece)
            self.has_ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.has_ended = True
        except ssl.SSLError as error:
            raise trio.BrokenResourceError(f"TLS is broken: {error.reason}") from error
        return b"".join(pieces)

    # The stream

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self._is_cut:
            raise trio.BrokenResourceError("an earlier send was cut short")
        sealed = self.seal(data)
        self._is_cut = True
        await self.transport_stream.send_all(sealed)
        self._is_cut = False

    async def wait_send_all_might_not_block(self) -> None:
        await self.transport_stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        self._clear = self.unseal(b"")
        while not self._clear and not self.has_ended:
            data = bytes(await self.transport_stream.receive_some(READ))
            if not data:  # without a word, as many clients do: HTTP and WebSocket know where their messages end
                self.has_ended = True
            self._clear = self.unseal(data)
        await trio.lowlevel.checkpoint()
        cut = len(self._clear) if max_bytes is None else max_bytes
        given, self._clear = self._clear[:cut], self._clear[cut:]
        return given

    async def send_eof(self) -> None:
        """Say that nothing more comes, by TLS's own word and by that of TCP."""
        if not self._is_cut:
            with contextlib.suppress(ssl.SSLError):  # their word is not here yet, or never comes
                self._tls.unwrap()
            self._is_cut = True
            await self._say()
        await self.transport_stream.send_eof()

    async def aclose(self) -> None:
        await self.transport_stream.aclose()


ClientStream = trio.SocketStream | TlsStream
