"""TLS to a box: verified against the system's store, or against the one certificate that was carried here by hand.

A certificate is never trusted because it was seen once. Proofs keep a token from being used elsewhere, but they do not
cover what a request says: who could stand between would read everything and change commands on their way. The pairing
link names the box's key, which certificates are not signed with.
"""

from __future__ import annotations

import socket
import ssl

from supervisor.client.heedful import wait_readable
from workers.errors import Refused


class HeedfulTls(ssl.SSLSocket):
    """Waits in short steps, as `HeedfulSocket` does."""

    def recv_into(self, buffer: bytearray, nbytes: int | None = None, flags: int = 0) -> int:  # type: ignore[override]  # the stub's own parameter names are those of another class
        if not self.pending():
            wait_readable(self)
        return super().recv_into(buffer, nbytes, flags)


class Tls:
    """`server` is the name that the certificate must have; `ca`: PEM of what alone is trusted, None for the system's
    store. `origin` is how people are told of the box."""

    def __init__(self, server: str, origin: str, ca: str | None) -> None:
        self.server = server
        self._origin = origin
        self._ca = ca
        self._context: ssl.SSLContext | None = None

    @property
    def context(self) -> ssl.SSLContext:
        """Raises Refused for a certificate to trust that is none."""
        if self._context is None:
            self._context = self._made()
        return self._context

    def _made(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cadata=self._ca)
        except ssl.SSLError as error:
            raise Refused("invalid", f"what is to be trusted for {self._origin} is no certificate", _AGAIN) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._ca is not None:
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # that of the box itself may be what was carried here
        context.sslsocket_class = HeedfulTls
        return context

    def wrap(self, connection: socket.socket) -> socket.socket:
        """The connection with TLS around it. Raises Refused."""
        try:
            return self.context.wrap_socket(connection, server_hostname=self.server)
        except (ssl.SSLError, ConnectionError) as error:
            raise self.refusal(error) from error

    def refusal(self, error: BaseException | None) -> Refused:
        """Why there is no TLS."""
        if isinstance(error, ssl.SSLCertVerificationError):
            cause = error.verify_message.rstrip(".")
            return Refused("unreachable", f"the certificate of {self._origin} is not trusted: {cause}", _AGAIN)
        detail = f"{self._origin} does not speak TLS as it should: {error}"
        return Refused("unreachable", detail, "see whether the address is that of the box; rc doctor there shows it")


_AGAIN = "copy the box's certificate here by hand, then: rc login URL --ca FILE"
