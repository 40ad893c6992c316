"""How a status screen shows a pairing: as a page of its own with the QR, and as some lines among the sessions."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from supervisor.core.links import Offer, best
from supervisor.core.pairing import NUMBER_DIGITS, WRONG_NUMBERS
from supervisor.core.pairingview import PairingView
from supervisor.core.printable import visible
from supervisor.core.qr import qr_lines

BLACK_ON_WHITE = Style(color="#000000", bgcolor="#ffffff")  # a terminal's own two may be the wrong way round
BESIDE = 30  # cells that the text needs beside the code
GAP = 2
LINES = 14  # of text below the code, where it cannot stand beside it
KEYS = "space back   x call it off   q leave"


def page(view: PairingView, name: str, notes: list[Text], height: int, width: int) -> RenderableType:
    """The whole screen, of `height` lines of `width` cells. `notes` are the last lines to be told."""
    offer = _offer(view)
    text = [*_text(view, name, offer), Text(), *notes, _dim(KEYS)]
    if offer is None or not offer.for_others:
        return Group(*text)
    code = _code(offer.link)
    drawn = Text("\n".join(code), style=BLACK_ON_WHITE, no_wrap=True)
    if len(code) <= height and len(code[0]) + GAP + BESIDE <= width:
        beside = Table.grid(padding=(0, GAP, 0, 0))
        beside.add_column(width=len(code[0]))
        beside.add_column(overflow="fold")
        beside.add_row(drawn, Group(*text))
        return beside
    if len(code) + LINES <= height and len(code[0]) <= width:
        return Group(drawn, Text(), *text)
    return Group(*text[:-1], _dim("make the terminal larger for the QR"), text[-1])


def lines(view: PairingView, width: int) -> list[Text]:
    """The same in few lines, each at most `width` cells; none where nothing is open."""
    told: list[Text] = []
    offer = _offer(view)
    if offer is not None:
        told += _folded(Text("Pair a device: ").append_text(_link(offer.link)), width)
        hint = "space shows its QR" if offer.for_others else "space says how others get here"
        told += _wrapped(Text(f"or type the code {_code_of(view)} at {offer.origin}/pair; {hint}"), width)
    return told + [line for each in _progress(view) for line in _wrapped(each, width)]


def _text(view: PairingView, name: str, offer: Offer | None) -> list[Text]:
    told = [Text(f"Pair a device with {visible(name)}", style="bold"), Text()]
    if offer is not None:
        told += [_link(offer.link), Text(), Text(f"Code {_code_of(view)}"), _dim(f"until {_until(view)}"), Text()]
    told += _progress(view) or [Text("Waiting for the device to open it.")]
    for advice in offer.advice if offer is not None else ():
        told += [Text(), _dim(advice)]
    return told


def _progress(view: PairingView) -> list[Text]:
    pairing = view.shown
    if pairing is None or not pairing["claimed"]:
        return []
    claimed: Mapping[str, Any] = pairing["claimed"]
    told = [Text(f"Claimed from {visible(str(claimed['address']))}")]
    if pairing["opened"]:
        who = visible(f"{claimed['label']} ({claimed['address']})")
        told = [Text(f"{who} wants in. Type the six digits it shows; x refuses:", style="yellow")]
        told.append(Text(f"  {_typed(view.digits)}", style="bold"))
        if pairing["tries_left"] < WRONG_NUMBERS:
            told.append(Text(f"{pairing['tries_left']} of {WRONG_NUMBERS} tries left", style="red"))
    if view.queue:
        told.append(Text(f"After this one, {view.queue} more to let in or refuse"))
    if pairing["contenders"]:
        others = visible(", ".join(map(str, pairing["contenders"])))
        told.append(Text(f"Another device tried the same link or code: {others}", style="red"))
    return told


def _typed(digits: str) -> str:
    """`49_ ___`"""
    shown = digits.ljust(NUMBER_DIGITS, "_")
    return f"{shown[: NUMBER_DIGITS // 2]} {shown[NUMBER_DIGITS // 2 :]}"


def _offer(view: PairingView) -> Offer | None:
    """The link that was made here, until somebody has claimed it: it works once, and the room is better used."""
    shown = view.shown
    is_claimed = shown is not None and bool(shown["claimed"])
    return None if view.invitation is None or is_claimed else best(view.invitation["urls"])


def _code_of(view: PairingView) -> str:
    assert view.invitation is not None
    return str(view.invitation["code"])


def _until(view: PairingView) -> str:
    assert view.invitation is not None
    return f"{datetime.fromisoformat(view.invitation['expires_at']).astimezone():%H:%M:%S}"


def _link(link: str) -> Text:
    """It may be broken over lines, and is one link all the same to a terminal that knows of such."""
    return Text(visible(link), style=Style(link=link), overflow="fold")


def _folded(text: Text, width: int) -> list[Text]:
    """Cut wherever the line ends: that is where a link would be cut as well."""
    return [text[at : at + width] for at in range(0, len(text), width)]


def _wrapped(text: Text, width: int) -> list[Text]:
    """Broken between words."""
    lines = textwrap.wrap(text.plain, width, drop_whitespace=False) or [""]
    return [Text(line.rstrip(), style=text.style, no_wrap=True) for line in lines]


def _dim(text: str) -> Text:
    return Text(text, style="dim")


@lru_cache(maxsize=1)
def _code(link: str) -> list[str]:
    return qr_lines(link)
