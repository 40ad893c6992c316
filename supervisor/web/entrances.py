"""The entrances of a box by its settings: what it listens on, in which manner, and the addresses to tell people."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from datetime import datetime

from supervisor.core.reach import origin_of
from supervisor.settings import Settings
from supervisor.statedir import SOCKET
from supervisor.web.certificates import tls_context
from supervisor.web.sockets import Entrance, Manner, bind_tcp, bind_unix
from workers.errors import Refused


def manner_of(settings: Settings, now: datetime) -> Manner:
    """Raises Refused(`configuration`): a certificate that cannot be had at `now`."""
    if bool(settings.tls_cert) != bool(settings.tls_key):
        missing = "--tls-key" if settings.tls_cert else "--tls-cert"
        raise Refused("configuration", f"TLS takes a certificate and its key: {missing} is missing", f"add {missing}")
    return Manner(
        public=tuple(map(origin_of, settings.public_url)),
        proxies=tuple(map(ipaddress.ip_network, settings.behind_proxy)),
        tls=tls_context(settings.tls_cert, settings.tls_key, now) if settings.tls_cert else None,
    )


def bind_all(settings: Settings, now: datetime) -> list[Entrance]:
    """All of them, TCP first, listening. Raises Refused(`configuration`) for what cannot be had; none is open then."""
    manner, bound = manner_of(settings, now), list[Entrance]()
    try:
        for address in settings.listen:
            bound.append(bind_tcp(address, manner))
        bound.append(bind_unix(os.path.join(settings.state_dir, SOCKET)))
    except BaseException:
        for each in bound:
            each.socket.close()
        raise
    return bound


def urls_of(settings: Settings, entrances: Iterable[Entrance]) -> list[str]:
    """How the box is reached: first as its owner says, then as it listens."""
    own = [url for entrance in entrances if entrance.transport == "tcp" for url in entrance.urls]
    return list(dict.fromkeys([*settings.public_url, *own]))
