"""What is known of a session besides its spec: folded from its events, so that the journal stays the truth."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from supervisor.core.told import TEXT_MAX, as_count, as_object, as_text
from workers.core.lifecycle import ENDED, HOLDS_SLOT, State

DOING_LIMIT = 200  # characters; it is shown as one line, and goes to everybody who follows the box at each change


@dataclass(frozen=True, slots=True)
class Facts:
    """The mutable part of a session as its events tell it. `exit` is `{code, signal, reason}` as the API shows it.

    `turn` is None on a terminal. `doing` is one line of at most DOING_LIMIT characters. `offset` is the end of the
    terminal's output, `rows` and `columns` its size.
    """

    name: str
    state: State = State.REQUESTED
    turn: str | None = None
    pid: int | None = None
    exit: dict[str, Any] | None = None
    archived: bool = False
    rows: int = 24
    columns: int = 80
    last_seq: int = 0
    start: int = 0
    offset: int = 0
    history: str = ""
    doing: str | None = None

    @property
    def holds_slot(self) -> bool:
        return self.state in HOLDS_SLOT

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Facts:
        """The inverse of `to_json`; fields of a later release are passed over.

        Raises TypeError, KeyError or ValueError for anything else.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        known = {key: item for key, item in value.items() if key in names}
        return cls(**{**known, "state": State(known["state"])})


def fold(facts: Facts, seq: int, event: Any) -> Facts:
    """The facts after one more event, `{"origin", "update", …}`: `last_seq`, and what it tells besides.

    Only rc and people speak of the session itself (`_rc/…`): an agent that sends such an update has told nothing.
    Nor has one that is not of its kind's shape, of whatever origin: a journal is read by later releases too.
    """
    changed: dict[str, Any] = {}
    try:
        told = as_object(event)
        update = as_object(told.get("update"))
        kind = as_text(update.get("sessionUpdate"))
        tell = _OURS.get(kind) if told.get("origin") in ("rc", "person") else None
        changed = (tell or _ANYBODYS.get(kind, _nothing))(update)
    except ValueError:
        pass
    return dataclasses.replace(facts, last_seq=seq, **changed)


def _nothing(update: dict[str, Any]) -> dict[str, Any]:
    return {}


def _process(update: dict[str, Any]) -> dict[str, Any]:
    state = State(as_text(update.get("state")))
    changed: dict[str, Any] = {"state": state}
    if "pid" in update:
        changed["pid"] = _count_or_none(update["pid"])
    if "terminal_offset" in update:
        changed["offset"] = as_count(update["terminal_offset"])
    if state in ENDED:
        changed |= {"pid": None, "turn": None, "doing": None}
        changed["exit"] = {key: update.get(key) for key in ("code", "signal", "reason")}
    elif state is State.STARTING:
        changed["exit"] = None
    return changed


def _count_or_none(value: Any) -> int | None:
    return None if value is None else as_count(value)


def _turn(update: dict[str, Any]) -> dict[str, Any]:
    turn = as_text(update.get("state"))
    return {"turn": turn, "doing": None} if turn == "idle" else {"turn": turn}


def _tool_call(update: dict[str, Any]) -> dict[str, Any]:
    """An agent's title may be of any length: what a command is, say, with the whole of its script."""
    title = update.get("title", "")
    lines = as_text(title[:TEXT_MAX] if isinstance(title, str) else title).strip().splitlines()
    return {"doing": lines[0].rstrip()[:DOING_LIMIT] if lines else None}


# Of rc and of people alone.
_OURS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "_rc/process": _process,
    "_rc/renamed": lambda update: {"name": as_text(update.get("name"))},
    "_rc/resized": lambda update: {"rows": as_count(update.get("rows")), "columns": as_count(update.get("columns"))},
    "_rc/archived": lambda update: {"archived": True},
    "_rc/restored": lambda update: {"archived": False},
}

# Of rc and of agents.
_ANYBODYS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "state_update": _turn,
    "tool_call": _tool_call,
}
