"""How one request came to us: through which entrance, from whom, and by what name."""

from __future__ import annotations

from dataclasses import dataclass

from supervisor.core import forwarded
from supervisor.core.forwarded import Told, is_trusted
from supervisor.web.head import Head
from supervisor.web.hosts import check_origin
from supervisor.web.sockets import Entrance
from workers.errors import Refused


@dataclass(frozen=True, slots=True)
class Approach:
    """`address` is the client's IP address, as a trusted proxy has told it; None on the box's Unix socket.

    `origins` are those (`https://box.example:7420`) that the address may have under which the client sees us; the
    first one is the likeliest, and there is none on the Unix socket.
    """

    entrance: Entrance
    address: str | None = None
    origins: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """Name and port by which the client sees us; empty on the Unix socket."""
        return self.origins[0].partition("://")[2] if self.origins else ""


def check_approach(head: Head, entrance: Entrance, peer: str | None) -> Approach:
    """Host, Origin and Sec-Fetch-Site; `peer` is the IP address at the other end of the connection.

    To be asked for every request: over one connection a proxy sends those of many. Raises Refused(`misdirected`).
    """
    if entrance.names is None:
        return Approach(entrance)
    told = Told()
    if is_trusted(peer, entrance.manner.proxies):
        x_forwarded = (head.values(f"x-forwarded-{name}") for name in ("for", "proto", "host"))
        told = forwarded.read(entrance.manner.proxies, head.values("forwarded"), *x_forwarded)
    elif entrance.is_behind_proxy:
        raise Refused("misdirected", "requests come here through a proxy only", "open the box's public address")
    host = told.host or (head.header("host") or "").lower()
    origins = entrance.names.origins(host, told.scheme)
    if not origins:
        raise Refused("misdirected", "this box does not go by that Host", f"use {entrance.names}")
    check_origin(head, origins)
    return Approach(entrance, told.address or peer, origins)
