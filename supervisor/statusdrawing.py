"""How the status screen looks: what is known of a box, as something that rich can draw. Text only, never markup."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from supervisor.cli import describe, printing
from supervisor.core.boxview import BoxView
from supervisor.core.printable import visible

AROUND_THE_TABLE = 7  # lines: two of the box, the heads, the keys, and empty ones between
KEYS = "space attach   w mode   ? help   q leave"
COLOURS = {"running": "green", "exited": "dim", "suspended": "dim", "lost": "red", "stopping": "yellow"}

HELP = """\
space, a   how to get at a session
w          where new sessions work: same-dir or worktree; those that are there stay where they are
?          this page, and back
q, Ctrl-C  leave\
"""


def draw(view: BoxView, page: str, height: int, now: datetime) -> RenderableType:
    """The whole screen. `page` is `sessions`, `attach` or `help`, `height` the number of lines there are."""
    notes = [Text(visible(note), style="yellow", no_wrap=True, overflow="ellipsis") for note in view.notes]
    room = max(height - AROUND_THE_TABLE - len(notes), 1)
    keys = Text(KEYS, style="dim", no_wrap=True, overflow="ellipsis")
    return Group(*_head(view.box), Text(), _PAGES[page](view, room, now), Text(), *notes, keys)


def _head(box: Mapping[str, Any]) -> list[Text]:
    first = Text(no_wrap=True, overflow="ellipsis")
    first.append(visible(str(box.get("name", "…"))), style="bold")
    first.append("  " + visible(" ".join(map(str, box.get("urls", ())))))
    second = Text(no_wrap=True, overflow="ellipsis")
    second.append(f"Mode: {box.get('spawn_mode', '…')}   Capacity: {box.get('used', 0)}/{box.get('capacity', 0)}   ")
    projects = ", ".join(str(project["id"]) for project in box.get("projects", ()))
    second.append(visible(f"Projects: {projects or 'none; rc project add PATH adds one'}"))
    return [first, second]


def _sessions(view: BoxView, room: int, now: datetime) -> RenderableType:
    sessions = view.shown
    if not sessions:
        return Text("No sessions. rc new starts one.")
    table = Table(box=None, expand=True, pad_edge=False, header_style="bold")
    for head, weight in (("NAME", 3), ("STATE", 3), ("BRANCH", 3), ("WHO", 1), ("SINCE", 1), ("DOING", 4)):
        table.add_column(head, ratio=weight, no_wrap=True, overflow="ellipsis")
    fitting = sessions if len(sessions) <= room else sessions[: room - 1]
    for session in fitting:
        table.add_row(*_row(session, now))
    if len(fitting) == len(sessions):
        return table
    return Group(table, Text(f"… and {len(sessions) - len(fitting)} more: rc ls", style="dim"))


def _row(session: Mapping[str, Any], now: datetime) -> list[Text]:
    waits = session.get("open_approvals") or session.get("turn") == "waiting_for_approval"
    state = describe.state(dict(session))
    colour = "yellow" if waits or session.get("unresponsive") else COLOURS.get(str(session["state"]), "")
    cells = [
        session["name"],
        state,
        session.get("branch") or session.get("spawn_mode"),
        (session.get("created_by") or {}).get("person"),
        printing.age(session["created_at"], now),
        "waits for an answer" if waits else session.get("doing") or "",
    ]
    texts = [Text("-" if cell is None else visible(str(cell))) for cell in cells]
    texts[1].stylize(colour)
    return texts


def _attach(view: BoxView, room: int, _now: datetime) -> RenderableType:
    """Where the codes for phones will be: this release is reached from this machine."""
    running = view.running
    lines = [Text("To get at a session, in another terminal of this machine:"), Text()]
    lines += [Text(f"  rc attach {_quoted(str(session['name']))}") for session in running[: max(room - 3, 1)]]
    if not running:
        lines.append(Text("  no session is running; rc new starts one"))
    return Group(*lines)


def _quoted(name: str) -> str:
    """A name as a shell takes it; names hold no control characters, but what is printed is made sure of."""
    return visible(shlex.quote(name) if not name.startswith("-") else f"-- {shlex.quote(name)}")


def _help(_view: BoxView, _room: int, _now: datetime) -> RenderableType:
    return Text(HELP)


_PAGES: dict[str, Callable[[BoxView, int, datetime], RenderableType]] = {
    "sessions": _sessions,
    "attach": _attach,
    "help": _help,
}
