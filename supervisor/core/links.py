"""Links to a box as they are offered to people: the best of them, whether a QR makes sense, and what to do if not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from supervisor.core.reach import HOW_TO_BE_REACHED, PORTS, is_secure, others_can_reach

ONLY_COMMAND_LINES = "browsers pair over https only, and a command line there by: rc login"

_PAGE = "/pair#"  # where a device pairs; what follows stays in the browser


@dataclass(frozen=True, slots=True)
class Offer:
    """One link. `for_others`: other machines get there, and a browser works there, so that a QR is offered."""

    link: str
    for_others: bool
    advice: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """Where the box is, as a person types it."""
        return self.link.partition(_PAGE)[0]

    def show(self) -> dict[str, Any]:
        """As the API tells it, to screens that cannot ask `best`."""
        return {"link": self.link, "for_others": self.for_others, "advice": list(self.advice)}


def link_to(url: str, fragment: str) -> str:
    """What to open to pair with the box that is at `url`."""
    return f"{url.rstrip('/')}{_PAGE}{fragment}"


def best(links: Sequence[str]) -> Offer | None:
    """The first that other machines can open, else the first; None where there is none."""
    for link in links:
        if others_can_reach(link) and is_secure(link):
            return Offer(link, True)
    if not links:
        return None
    return Offer(links[0], False, tuple(_advice(links)))


def _advice(links: Sequence[str]) -> list[str]:
    plain = [link for link in links if others_can_reach(link)]
    if plain:
        return [f"{ONLY_COMMAND_LINES} {_origin(plain[0])}…", HOW_TO_BE_REACHED]
    parts = urlsplit(links[0])
    port = parts.port or PORTS[parts.scheme]
    tunnel = f"or lead a port here by ssh, and open the link there: ssh -L {port}:localhost:{port} THIS-MACHINE"
    return [HOW_TO_BE_REACHED, tunnel]


def _origin(link: str) -> str:
    parts = urlsplit(link)
    return f"{parts.scheme}://{parts.netloc}"
