"""Addresses of a box as URLs: which are ones, and whether anybody but this machine gets there."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}  # which a URL need not name
HOW_TO_BE_REACHED = (
    "nobody on another machine can reach this box: name its tunnel or proxy with --public-url, or listen with "
    "--tls-cert and --tls-key; rc doctor lists what is here"
)
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?", re.ASCII)


def origin_of(url: str) -> str:
    """`HTTPS://Box.Example:443/` → `https://box.example`. Raises ValueError, whose text is the cause, for what is no
    address of a whole box: another scheme, a path, a name that no Host header can carry."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError(f"{url!r} is no URL: {error}") from error
    if parts.scheme not in PORTS or not host:
        raise ValueError(f"{url!r} is no URL of a box: write https://NAME")
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"{url!r} has more than scheme, name and port: a box has a whole name for itself")
    if _address(host) is None and not _NAME.fullmatch(host):
        raise ValueError(f"{host!r} is no host name")
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + (f":{port}" if port not in (None, PORTS[parts.scheme]) else "")


def own_urls(box: Mapping[str, Any]) -> list[str]:
    """Where a box, as `GET /v1/box` shows it, listens itself, of all that leads to it."""
    public = next((each["value"] for each in box.get("settings", ()) if each["key"] == "public_url"), ())
    return [url for url in box["urls"] if url not in public]


def others_can_reach(url: str) -> bool:
    """Whether other machines get to this address, as far as it can be told from the address alone."""
    host = urlsplit(url).hostname or ""
    address = _address(host)
    if address is not None:
        return not (address.is_loopback or address.is_unspecified)
    return bool(host) and host.rstrip(".") != "localhost" and not host.rstrip(".").endswith(".localhost")


def is_secure(url: str) -> bool:
    """Whether a browser gives a page there its cryptography, without which it cannot be paired: on https, and on this
    machine itself. See https://w3c.github.io/webappsec-secure-contexts/."""
    return urlsplit(url).scheme == "https" or not others_can_reach(url)


def is_ip(host: str) -> bool:
    """Whether a host as a URL has it (`[::1]` in brackets) is an address and not a name."""
    return _address(host.removeprefix("[").removesuffix("]")) is not None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
