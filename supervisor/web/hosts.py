"""Whether a request was meant for this box: Host, Origin and Sec-Fetch-Site, against DNS rebinding and other pages."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from supervisor.core.access import is_page
from supervisor.web.head import Head
from workers.errors import Refused

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
OURS = frozenset({"same-origin", "none"})  # what Sec-Fetch-Site says of our own pages, and of people
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:/@\[\]]+)(?::\d{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Names:
    """What an entrance may be called: `own` names with any port, at `scheme`, and the origins of the public URLs.

    On the loopback the port may be any, because an ssh tunnel changes it; elsewhere because a forwarded port does.
    """

    own: frozenset[str]
    scheme: str = "http"
    public: tuple[str, ...] = ()

    def with_own(self, names: Iterable[str]) -> Names:
        return replace(self, own=self.own | set(names))

    def origins(self, host: str, scheme: str | None) -> tuple[str, ...]:
        """What the origin of a page may be that came from `host`; empty when that is not ours. `scheme` is the one
        that a proxy saw."""
        match = _HOST.fullmatch(host)
        if match is None:
            return ()
        origins = tuple(origin for origin in self.public if _name(origin) == match[1])
        return (*origins, f"{scheme or self.scheme}://{host}") if match[1] in self.own else origins

    def __str__(self) -> str:
        return " or ".join(sorted(self.own | set(map(_name, self.public))))


def _name(origin: str) -> str:
    match = _HOST.fullmatch(origin.partition("://")[2])
    return match[1] if match else ""


def own_names(listen: str) -> frozenset[str]:
    """The names of a listener, given the name or address it was told to listen on. That of all addresses has none: it
    goes by the one that a connection came to."""
    if is_loopback(listen):
        return LOOPBACK | {in_url(listen).lower()}
    return frozenset() if is_every(listen) else frozenset({in_url(listen).lower()})


def in_url(host: str) -> str:
    """A name or an address as a URL writes it."""
    return f"[{host}]" if ":" in host else host


def is_loopback(listen: str) -> bool:
    """Whether a name or address given to `--listen` is this machine's loopback."""
    try:
        return ipaddress.ip_address(listen).is_loopback
    except ValueError:
        return listen.lower() == "localhost"


def is_every(listen: str) -> bool:
    """Whether it stands for all addresses of this machine."""
    try:
        return ipaddress.ip_address(listen).is_unspecified
    except ValueError:
        return False


def check_origin(head: Head, origins: tuple[str, ...]) -> None:
    """Raises Refused(`misdirected`) for another Origin than these, or a request that another site has made."""
    if any(origin.lower() not in origins for origin in head.values("origin")):
        raise Refused("misdirected", "the Origin is not this box", "open the box's own address")
    if any(site not in OURS for site in head.values("sec-fetch-site")) and not _opens_page(head):
        raise Refused("misdirected", "another site has made this request", "open the box's own address")


def _opens_page(head: Head) -> bool:
    """Whether somebody follows a link of another site, in a window of its own, to a page: which starts nothing."""
    manner = head.values("sec-fetch-mode"), head.values("sec-fetch-dest")
    return head.method == "GET" and manner == (["navigate"], ["document"]) and is_page(head.path)
