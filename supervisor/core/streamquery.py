"""The query of a session's stream: where a reader goes on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from workers.errors import Refused

MAX_NUMBER = (1 << 63) - 1  # what a journal can number
MAX_HISTORY = 128  # characters; ours have 32
NAMES = ("after", "terminal_after", "history", "catch_up")


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """`after`: events after that number, None for live only. `terminal_after`: output from that offset.
    `history`: the numbering that these belong to, None to take ours. `catch_up`: `all`, `screen`, or None."""

    after: int | None = None
    terminal_after: int | None = None
    history: str | None = None
    catch_up: str | None = None

    @property
    def wants_all(self) -> bool:
        """Whether every kept octet is wanted; else a snapshot and then what is live."""
        return self.terminal_after is not None if self.catch_up is None else self.catch_up == "all"

    def resumed(self, last_event_id: str) -> StreamQuery:
        """The same from where an SSE client was cut, by its `Last-Event-ID`. Raises Refused when that is not ours."""
        match = _EVENT_ID.fullmatch(last_event_id)
        if match is None:
            raise Refused("invalid", "this Last-Event-ID is not one of ours", "leave the header out to begin anew")
        return StreamQuery(int(match[1]), int(match[2]), self.history, self.catch_up)


_EVENT_ID = re.compile(r"([0-9]{1,18}):([0-9]{1,18})", re.ASCII)


def parse(query: str) -> StreamQuery:
    """Raises Refused(`invalid`) for anything but the four names, each at most once, with a value that fits."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in NAMES:
            raise Refused("invalid", f"a stream has no option {name[:40]!r}", f"it takes: {' '.join(NAMES)}")
        if name in found:
            raise Refused("invalid", f"{name!r} is given twice", f"give {name!r} once")
        found[name] = value
    catch_up, history = found.get("catch_up"), found.get("history")
    if catch_up not in (None, "all", "screen"):
        raise Refused("invalid", "catch_up is `all` or `screen`", "use catch_up=all or catch_up=screen")
    if history is not None and not 0 < len(history) <= MAX_HISTORY:
        raise Refused("invalid", "this `history` is not one of ours", "give the `history` that hello told")
    return StreamQuery(_number(found, "after"), _number(found, "terminal_after"), history, catch_up)


def _number(found: dict[str, str], name: str) -> int | None:
    text = found.get(name)
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,19}", text, re.ASCII) or int(text) > MAX_NUMBER:
        raise Refused("invalid", f"{name!r} is not a whole number", f"give {name!r} as a number from 0")
    return int(text)
