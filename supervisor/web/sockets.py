"""Where people knock: the box's Unix socket and its TCP addresses, bound and listening."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
from dataclasses import dataclass, replace

from supervisor import interfaces
from supervisor.core.forwarded import Network, address_of
from supervisor.web.hosts import LOOPBACK, Names, in_url, is_every, is_loopback, own_names
from workers.errors import Refused

BACKLOG = 512  # connections the kernel keeps while we are busy: 64 at one instant beside 200 that say nothing
ADDRESS_LIMIT = 107  # octets of a Unix address, by the kernel's sockaddr_un


@dataclass(frozen=True, slots=True)
class Manner:
    """How a box is reached on TCP: the origins of its public URLs, the proxies that it believes, its TLS, if any."""

    public: tuple[str, ...] = ()
    proxies: tuple[Network, ...] = ()
    tls: ssl.SSLContext | None = None


PLAIN = Manner()


@dataclass(frozen=True, slots=True)
class Entrance:
    """A listening socket. `transport` is `unix` or `tcp`; `names` is what it may be called, None on the Unix socket,
    where that is not checked.

    What `manner.proxies` say of the requests that they pass on is believed. `is_behind_proxy`: others could reach it
    and would be heard by everybody on the way, so that it takes nothing but what comes from these.
    """

    socket: socket.socket
    transport: str
    names: Names | None = None
    manner: Manner = PLAIN
    is_behind_proxy: bool = False

    @property
    def urls(self) -> list[str]:
        """What to open to get here. Only for TCP."""
        assert self.names is not None
        host, port = self.socket.getsockname()[:2]
        hosts = _everywhere(self.socket.family) if is_every(host) else [host]
        return [f"{self.names.scheme}://{in_url(each)}:{port}" for each in hosts]

    def at(self, address: str) -> Entrance:
        """As it is for a connection that came to this address of ours."""
        if self.names is None or self.names.own:
            return self
        found = address_of(address)
        names = LOOPBACK if found is None or found.is_loopback else {in_url(str(found))}
        return replace(self, names=self.names.with_own(names))


def bind_unix(path: str) -> Entrance:
    """Listen on `path`, for this account only. What an earlier supervisor left there is removed: hold its lock first.

    Raises Refused(`configuration`) for a path that is too long for a socket.
    """
    if len(os.fsencode(path)) > ADDRESS_LIMIT:
        raise Refused(
            "configuration",
            f"the state directory's path is too long for a socket: {path} has more than {ADDRESS_LIMIT} octets",
            "choose a shorter one with --state-dir",
        )
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    os.chmod(os.path.dirname(path), 0o700)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(path)
        os.chmod(path, 0o600)  # before listen: until then nobody can connect
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return Entrance(bound, "unix")


def bind_tcp(listen: str, manner: Manner = PLAIN) -> Entrance:
    """Listen on `ADDR:PORT`, port 0 = any. Raises Refused(`configuration`) for what cannot be had."""
    host, port = parse_listen(listen)
    is_open = not is_loopback(host) and manner.tls is None
    if is_open and not manner.proxies:
        raise Refused(
            "configuration",
            f"{host} is not loopback: whoever is on the way would read and write all that goes over it",
            "add --tls-cert and --tls-key, or --behind-proxy ADDRESS; or listen on 127.0.0.1",
        )
    bound: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError as error:
        if bound is not None:
            bound.close()
        raise _not_to_be_had(listen, error) from error
    bound.setblocking(False)
    names = Names(own_names(host), "https" if manner.tls else "http", manner.public)
    return Entrance(bound, "tcp", names, manner, is_behind_proxy=is_open)


def parse_listen(listen: str) -> tuple[str, int]:
    """`127.0.0.1:7420`, `localhost:0` or `[::1]:7420` → host and port. Raises Refused(`configuration`)."""
    host, colon, port = listen.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not host or (":" in host) != bracketed or not (port.isascii() and port.isdigit() and len(port) < 6):
        raise _no_address(listen)
    if int(port) > 65535:
        raise _no_address(listen)
    return host[1:-1] if bracketed else host, int(port)


def _everywhere(family: int) -> list[str]:
    """The addresses that a listener on all of them has: by IPv6 also those of IPv4."""
    found = [address for _, address in interfaces.addresses() if family == socket.AF_INET6 or address.version == 4]
    return [str(address) for address in found if not address.is_loopback] or ["127.0.0.1"]


def _no_address(listen: str) -> Refused:
    return Refused("configuration", f"{listen!r} is no ADDR:PORT", "write --listen 127.0.0.1:7420")


def _not_to_be_had(listen: str, error: OSError) -> Refused:
    if error.errno == errno.EADDRINUSE:
        return Refused("configuration", f"{listen} is in use", "choose another with --listen ADDR:PORT (port 0 = any)")
    return Refused(
        "configuration", f"{listen} cannot be had: {error.strerror or error}", "choose another with --listen"
    )
