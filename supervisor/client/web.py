"""The way to a box by HTTPS, or by HTTP on this machine's loopback (as the end of a tunnel)."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from supervisor.client.signin import Key, SignIn
from supervisor.client.tls import Tls
from supervisor.client.unix import Plain
from workers.errors import Refused

PORTS = {"https": 443, "http": 80}
DIAL_SECONDS = 15.0  # a machine that is there takes a connection within a few journeys there and back
FORM = "name it as https://host[:port]"


@dataclass(frozen=True, slots=True)
class Web:
    """`origin` is `https://host[:port]`, as `origin_of` gives it."""

    origin: str
    tls: Tls | None
    sign_in: SignIn | None
    is_here = False  # even on the loopback: what listens there may be the end of a tunnel

    @property
    def name(self) -> str:
        return self.origin

    @property
    def host(self) -> str:
        return urlsplit(self.origin).netloc

    def dial(self, timeout: float, may_ask: bool = False) -> Plain:
        parts = urlsplit(self.origin)
        place = (parts.hostname or "", parts.port or PORTS[parts.scheme])
        try:
            connection = socket.create_connection(place, min(timeout, DIAL_SECONDS))
        except OSError as error:
            raise unreachable(self.origin, error) from error
        connection.settimeout(timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a keystroke is a small packet
        return Plain(connection)


def web(origin: str, key: Key | None, ca: str | None = None) -> Web:
    """The way there, signed in with this key."""
    parts = urlsplit(origin)
    tls = Tls(parts.hostname or "", origin, ca) if parts.scheme == "https" else None
    return Web(origin, tls, SignIn(key, origin) if key is not None else None)


def origin_of(url: str) -> str:
    """Scheme and place of a box's address, lower-case. Raises Refused `invalid`."""
    try:
        parts = urlsplit(url)
        port, server = parts.port, parts.hostname
    except ValueError as error:
        raise Refused("invalid", f"this address cannot be read: {error}", FORM) from error
    if not (url.isascii() and url.isprintable()) or parts.scheme not in PORTS or not server or parts.username:
        raise Refused("invalid", "this is no address of a box", FORM)
    if parts.scheme == "http" and not _is_loopback(server):
        detail = f"http://{server} would be read and changed by everybody on the way"
        raise Refused("invalid", detail, f"use https://{server}, or ssh://{server}")
    return _origin(parts, server, port)


def _origin(parts: SplitResult, server: str, port: int | None) -> str:
    place = f"[{server}]" if ":" in server else server
    return f"{parts.scheme}://{place}" + (f":{port}" if port not in (None, PORTS[parts.scheme]) else "")


def _is_loopback(server: str) -> bool:
    try:
        return ipaddress.ip_address(server).is_loopback
    except ValueError:
        return server == "localhost"


def unreachable(origin: str, error: OSError) -> Refused:
    """Why nobody answered there."""
    if isinstance(error, socket.gaierror):
        return Refused("unreachable", f"{origin}: there is no such host", "correct the name; rc box ls shows yours")
    if isinstance(error, ConnectionRefusedError):
        return Refused("unreachable", f"{origin}: nobody listens there", "start the box there with: rc serve")
    cause = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
    return Refused("unreachable", f"{origin} cannot be reached: {cause}", "see whether this network leads there")
