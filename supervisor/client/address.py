"""From the name of a box to the way there."""

from __future__ import annotations

import os
from dataclasses import dataclass

from supervisor.client import boxes
from supervisor.client.transport import Transport
from supervisor.client.unix import Unix
from supervisor.statedir import SOCKET
from workers.errors import Refused

FORMS = "name it as https://host[:port], ssh://[user@]host, unix:PATH, or as rc box ls does"


@dataclass(frozen=True, slots=True)
class Address:
    """`state_dir` is None for a box that was not named by it: nobody may start that one on the asker's behalf."""

    transport: Transport
    state_dir: str | None


def of_state_dir(directory: str) -> Address:
    """The box that keeps its state there."""
    return Address(Unix(os.path.join(directory, SOCKET)), directory)


def of_name(box: str) -> Address:
    """By what `rc box` calls it, or by its address. Raises Refused `invalid`, `not_found`, `unauthenticated`."""
    if boxes.is_name(box):
        return of_known(boxes.find(boxes.read(), box))
    return of_url(box)


def of_url(box: str) -> Address:
    """By its address."""
    kind, _, rest = box.partition(":")
    if kind in ("https", "http"):
        return _by_web(box)
    if kind == "ssh":
        from supervisor.client.ssh import parse  # which starts programs, and most boxes are here

        return Address(parse(box), None)
    if kind != "unix" or not rest:
        raise Refused("invalid", f"{box!r} names no box", FORMS)
    path = os.path.abspath(rest)
    return Address(Unix(os.path.join(path, SOCKET) if os.path.isdir(path) else path), None)


def of_known(known: boxes.Known) -> Address:
    """One that has a name."""
    if not known.url.startswith(("https:", "http:")):
        return of_url(known.url)
    from supervisor.client.devicekeys import key_of
    from supervisor.client.web import web

    return Address(web(known.url, key_of(known), known.ca), None)


def _by_web(url: str) -> Address:
    from supervisor.client.web import origin_of

    origin = origin_of(url)
    known = boxes.read().at(origin)
    if known is None:
        raise Refused(
            "unauthenticated", f"this device has not been paired with {origin}", f"pair it: rc login {origin}"
        )
    return of_known(known)


def canonical(url: str) -> str:
    """An address as it is remembered. Raises Refused `invalid` for what is none."""
    if url.startswith(("https:", "http:")):
        from supervisor.client.web import origin_of

        return origin_of(url)
    address = of_url(url)
    return f"unix:{address.transport.path}" if isinstance(address.transport, Unix) else address.transport.name
