"""How the status screen looks: what is known of a box, as something that rich can draw. Text only, never markup."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from supervisor import pairingdrawing
from supervisor.cli import describe, printing
from supervisor.core.boxview import BoxView
from supervisor.core.printable import visible

AROUND_THE_TABLE = 7  # lines: two of the box, the heads, the keys, and empty ones between
NOTICES_SHOWN = 3  # lines of what the box wants people to know; rc status has all
HEADS = ("NAME", "STATE", "BRANCH", "WHO", "SINCE", "DOING")
AT_MOST = {"STATE": 24, "DOING": 12}  # cells that are kept free for it; rc show has what is cut
NARROW = 60  # cells, of a phone or half a screen
EVEN = 16  # cells above which a longer text gets no larger share
GAP = 2  # cells between two columns
KEYS = "space pair   a attach   w mode   ? help   q leave"
COLOURS = {"running": "green", "exited": "dim", "suspended": "dim", "lost": "red", "stopping": "yellow"}

HELP = """\
space      pair a device: link, QR and code; the digits that it shows are typed on any page
x          refuse the device that wants in
a          how to get at a session
w          where new sessions work: same-dir or worktree; those that are there stay where they are
?          this page, and back
q, Ctrl-C  leave\
"""


def draw(view: BoxView, page: str, height: int, width: int, now: datetime) -> RenderableType:
    """The whole screen, of `height` lines of `width` cells. `page` is `sessions`, `pair`, `attach` or `help`."""
    notes = [_note(note) for note in (*_notices(view.box), *view.notes)]
    if page == "pair":
        last = notes[-1:]  # there is room for one: what came of the last number
        return pairingdrawing.page(view.pairing, str(view.box.get("name", "…")), last, height, width)
    pairing = pairingdrawing.lines(view.pairing, width)
    pairing += [Text()] if pairing else []
    room = max(height - AROUND_THE_TABLE - len(pairing) - len(notes), 1)
    keys = Text(KEYS, style="dim", no_wrap=True, overflow="ellipsis")
    return Group(*_head(view.box), Text(), _PAGES[page](view, room, width, now), Text(), *pairing, *notes, keys)


def _notices(box: Mapping[str, Any]) -> list[str]:
    """What people should know of the box; each holds until it is mended, so that the most are one line."""
    notices = [str(notice) for notice in box.get("notices", ())]
    if len(notices) <= NOTICES_SHOWN:
        return notices
    return [*notices[: NOTICES_SHOWN - 1], f"… and {len(notices) - NOTICES_SHOWN + 1} more: rc status"]


def _note(text: str) -> Text:
    return Text(visible(text), style="yellow", no_wrap=True, overflow="ellipsis")


def _head(box: Mapping[str, Any]) -> list[Text]:
    first = Text(no_wrap=True, overflow="ellipsis")
    first.append(visible(str(box.get("name", "…"))), style="bold")
    first.append("  " + visible(" ".join(map(str, box.get("urls", ())))))
    second = Text(no_wrap=True, overflow="ellipsis")
    second.append(f"Mode: {box.get('spawn_mode', '…')}   Capacity: {box.get('used', 0)}/{box.get('capacity', 0)}   ")
    projects = ", ".join(str(project["id"]) for project in box.get("projects", ()))
    second.append(visible(f"Projects: {projects or 'none; rc project add PATH adds one'}"))
    return [first, second]


def _sessions(view: BoxView, room: int, width: int, now: datetime) -> RenderableType:
    sessions = view.shown
    if not sessions:
        return Text("No sessions. rc new starts one.")
    fitting = sessions if len(sessions) <= room else sessions[: max(room - 1, 1)]
    table = _table([_row(session, now) for session in fitting], width)
    if len(fitting) == len(sessions):
        return table
    return Group(table, Text(f"… and {len(sessions) - len(fitting)} more: rc ls", style="dim"))


def _table(rows: list[list[Text]], width: int) -> Table:
    """As wide as what is in it, and what a session does gets the rest; where that is too little, NAME and BRANCH are
    cut, each by its share, and a narrow screen does without WHO and SINCE."""
    shown = [head for head in HEADS if width >= NARROW or head not in ("WHO", "SINCE")]
    at = [HEADS.index(head) for head in shown]
    needed = {head: max(len(head), *(row[i].cell_len for row in rows)) for head, i in zip(shown, at, strict=True)}
    needed |= {head: min(needed[head], most) for head, most in AT_MOST.items()}
    fits = sum(needed.values()) + GAP * (len(shown) - 1) <= width
    table = Table(box=None, expand=True, pad_edge=False, header_style="bold")
    for head in shown:
        if head == "DOING" if fits else head in ("NAME", "BRANCH"):
            table.add_column(head, ratio=min(needed[head], EVEN), no_wrap=True, overflow="ellipsis")
        else:
            table.add_column(head, width=needed[head], no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(row[i] for i in at))
    return table


def _row(session: Mapping[str, Any], now: datetime) -> list[Text]:
    waits = session.get("open_approvals") or session.get("turn") == "waiting_for_approval"
    state = describe.state(dict(session))
    colour = "yellow" if waits or session.get("unresponsive") else COLOURS.get(str(session["state"]), "")
    cells = [
        session["name"],
        state,
        session.get("branch"),
        (session.get("created_by") or {}).get("person"),
        printing.age(session["created_at"], now),
        "waits for an answer" if waits else session.get("doing") or "",
    ]
    texts = [Text("-" if cell is None else visible(str(cell))) for cell in cells]
    texts[1].stylize(colour)
    return texts


def _attach(view: BoxView, room: int, _width: int, _now: datetime) -> RenderableType:
    """For those who sit at this machine; others pair a device."""
    running = view.running
    lines = [Text("To get at a session, in another terminal of this machine:"), Text()]
    lines += [Text(f"  rc attach {_quoted(str(session['name']))}") for session in running[: max(room - 3, 1)]]
    if not running:
        lines.append(Text("  no session is running; rc new starts one"))
    return Group(*lines)


def _quoted(name: str) -> str:
    """A name as a shell takes it; names hold no control characters, but what is printed is made sure of."""
    return visible(shlex.quote(name) if not name.startswith("-") else f"-- {shlex.quote(name)}")


def _help(_view: BoxView, _room: int, _width: int, _now: datetime) -> RenderableType:
    return Text(HELP)


_PAGES: dict[str, Callable[[BoxView, int, int, datetime], RenderableType]] = {
    "sessions": _sessions,
    "attach": _attach,
    "help": _help,
}
