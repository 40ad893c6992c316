"""Which certificates are trusted."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest
import trustme

from supervisor.client.tls import Tls
from workers.errors import Refused

AUTHORITY = trustme.CA()
CERTIFICATE = AUTHORITY.issue_cert("localhost")


@contextlib.contextmanager
def server(certificate: trustme.LeafCert | None = CERTIFICATE) -> Iterator[int]:
    """Somebody who shakes hands once, and says hello; without a certificate what is said is no TLS. Its port."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            accepted, _ = listener.accept()
            with accepted:
                if certificate is None:
                    accepted.sendall(b"HTTP/1.1 400 no\r\n\r\n")
                    accepted.recv(65536)
                    return
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                certificate.configure_cert(context)
                with context.wrap_socket(accepted, server_side=True) as secured:
                    secured.sendall(b"hello")
                    secured.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join()


def pem(certificate: trustme.CA | trustme.LeafCert) -> str:
    blob = certificate.cert_pem if isinstance(certificate, trustme.CA) else certificate.cert_chain_pems[0]
    return blob.bytes().decode()


def hear(port: int, ca: str | None, name: str = "localhost") -> bytes:
    tls = Tls(name, "https://box", ca)
    with socket.create_connection(("127.0.0.1", port), 5) as connection, tls.wrap(connection) as secured:
        data = bytearray(5)
        assert secured.recv_into(data) == 5
        return bytes(data)


def test_the_authority_that_was_carried_here_is_trusted() -> None:
    with server() as port:
        assert hear(port, pem(AUTHORITY)) == b"hello"


def test_the_boxs_own_certificate_may_be_what_was_carried_here() -> None:
    with server() as port:
        assert hear(port, pem(CERTIFICATE)) == b"hello"


def refusal(port: int, ca: str | None, name: str = "localhost") -> Refused:
    with pytest.raises(Refused) as refused:
        hear(port, ca, name)
    assert refused.value.code == "unreachable"
    return refused.value


def test_nothing_is_trusted_because_it_was_seen() -> None:
    with server() as port:
        refused = refusal(port, None)
    assert "is not trusted" in refused.detail
    assert "--ca FILE" in refused.hint


def test_with_one_that_was_carried_here_no_other_counts() -> None:
    with server(trustme.CA().issue_cert("localhost")) as port:
        assert "is not trusted" in refusal(port, pem(AUTHORITY)).detail


def test_the_name_counts_as_well() -> None:
    with server() as port:
        assert "is not trusted" in refusal(port, pem(AUTHORITY), "another.example").detail


def test_what_speaks_no_tls_is_told_as_that() -> None:
    with server(None) as port:
        assert "does not speak TLS" in refusal(port, pem(AUTHORITY)).detail


def test_what_is_no_certificate_cannot_be_trusted() -> None:
    for junk in ("nonsense", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"):
        with pytest.raises(Refused, match="no certificate"):
            assert Tls("x", "https://x", junk).context
