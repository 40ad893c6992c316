"""Whether a request was meant for this box: Host, Origin and Sec-Fetch-Site, against DNS rebinding and other pages."""

from __future__ import annotations

import ipaddress
import re

from supervisor.web.head import Head
from workers.errors import Refused

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:/@\[\]]+)(?::\d{1,5})?", re.ASCII)


def allowed_hosts(listen: str) -> frozenset[str]:
    """The names by which a listener may be called, given the name or address it was told to listen on.

    On a loopback listener every name of this machine's loopback is right, and any port: an ssh tunnel changes it.
    """
    name = f"[{listen}]" if ":" in listen else listen
    return LOOPBACK | {name.lower()} if is_loopback(listen) else frozenset({name.lower()})


def is_loopback(listen: str) -> bool:
    """Whether a name or address given to `--listen` is this machine's loopback."""
    try:
        return ipaddress.ip_address(listen).is_loopback
    except ValueError:
        return listen.lower() == "localhost"


def check_meant_for_us(head: Head, hosts: frozenset[str]) -> None:
    """Raises Refused(`misdirected`) for another Host, another Origin, or a request that another site has made."""
    host = (head.header("host") or "").lower()
    match = _HOST.fullmatch(host)
    if match is None or match[1] not in hosts:
        raise Refused("misdirected", "this box does not go by that Host", f"use {' or '.join(sorted(hosts))}")
    if any(origin.lower() != f"http://{host}" for origin in head.values("origin")):
        raise Refused("misdirected", "the Origin is not this box", "open the box's own address")
    if any(site not in {"same-origin", "none"} for site in head.values("sec-fetch-site")):
        raise Refused("misdirected", "another site has made this request", "open the box's own address")
