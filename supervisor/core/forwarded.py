"""What a proxy that we trust says of a request: who made it, and how they addressed us (RFC 7239, X-Forwarded-*)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from workers.errors import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SITE_BITS = 64  # of an IPv6 address: what one household gets, within which it chooses its addresses freely


@dataclass(frozen=True, slots=True)
class Told:
    """None is what the proxy said nothing of. `host` may have a port, as in the header of that name."""

    address: str | None = None
    scheme: str | None = None
    host: str | None = None


def address_of(text: str) -> Address | None:
    """An IP address, IPv4 in IPv6's clothes undressed and a zone taken off; None for anything else."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, ipaddress.IPv6Address) else found


def site_of(address: str) -> str:
    """What limits count by: an IPv4 address, the network of an IPv6 one."""
    found = address_of(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((found, SITE_BITS), strict=False))
    return address if found is None else str(found)


def is_trusted(address: str | None, proxies: Sequence[Network]) -> bool:
    found = address_of(address or "")
    return found is not None and any(found in network for network in proxies)


def read(
    proxies: Sequence[Network], forwarded: list[str], hops: list[str], schemes: list[str], hosts: list[str]
) -> Told:
    """From the values of `Forwarded`, or of `X-Forwarded-For`, `-Proto` and `-Host`.

    Only what the nearest proxies wrote counts: the client is the last hop that is no proxy of ours, scheme and host
    are the last of theirs. Raises Refused(`misdirected`) where both kinds are there and differ: one of them was
    written by the client, and there is no telling which.
    """
    by_standard = _standard(proxies, forwarded)
    by_custom = Told(_client(proxies, _listed(hops)), _scheme(_last(schemes)), _word(_last(hosts)))
    if forwarded and (hops or schemes or hosts) and by_standard != by_custom:
        raise Refused(
            "misdirected",
            "the proxy sends both Forwarded and X-Forwarded-…, and they differ",
            "have it set one kind and remove the other",
        )
    return by_standard if forwarded else by_custom


def _standard(proxies: Sequence[Network], values: list[str]) -> Told:
    elements = [_pairs(element) for element in _listed(values)]
    if not elements:
        return Told()
    client = _client(proxies, [element.get("for", "") for element in elements])
    return Told(client, _scheme(elements[-1].get("proto")), _word(elements[-1].get("host")))


def _pairs(element: str) -> dict[str, str]:
    """Quotes are taken off and not read: nothing that we take has a comma, a semicolon or a quote in it."""
    pairs = (pair.partition("=") for pair in element.split(";"))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def _client(proxies: Sequence[Network], hops: list[str]) -> str | None:
    client = None
    for hop in reversed(hops):
        address = address_of(_without_port(hop))
        if address is None:  # `unknown`, or a name that the proxy hides it behind
            break
        client = str(address)
        if not is_trusted(client, proxies):
            break
    return client


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _listed(values: list[str]) -> list[str]:
    return [item.strip() for value in values for item in value.split(",") if item.strip()]


def _last(values: list[str]) -> str | None:
    return next(iter(_listed(values)[-1:]), None)


def _scheme(text: str | None) -> str | None:
    word = _word(text)
    return word if word in ("http", "https") else None


def _word(text: str | None) -> str | None:
    return text.lower() if text else None
