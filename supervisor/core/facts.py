"""What is known of a session besides its spec: folded from its events, so that the journal stays the truth."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from workers.core.lifecycle import ENDED, HOLDS_SLOT, State


@dataclass(frozen=True, slots=True)
class Facts:
    """The mutable part of a session as its events tell it. `exit` is `{code, signal, reason}` of the interface.

    `turn` is None on a terminal. `offset` is the end of the terminal's output, `rows` and `columns` its size.
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


def fold(facts: Facts, seq: int, update: dict[str, Any]) -> Facts:
    """The facts after one more event. Updates that change none of them leave all but `last_seq` as it was."""
    told = _TOLD.get(str(update.get("sessionUpdate")))
    return dataclasses.replace(facts, last_seq=seq, **(told(update) if told else {}))


def _process(update: dict[str, Any]) -> dict[str, Any]:
    state = State(update["state"])
    changed: dict[str, Any] = {"state": state}
    if "pid" in update:
        changed["pid"] = update["pid"]
    if "terminal_offset" in update:
        changed["offset"] = update["terminal_offset"]
    if state in ENDED:
        changed |= {"pid": None, "turn": None, "doing": None}
        changed["exit"] = {key: update.get(key) for key in ("code", "signal", "reason")}
    elif state is State.STARTING:
        changed["exit"] = None
    return changed


def _tool_call(update: dict[str, Any]) -> dict[str, Any]:
    return {"doing": str(update.get("title") or "") or None}


_TOLD = {
    "_rc/process": _process,
    "_rc/renamed": lambda update: {"name": str(update["name"])},
    "_rc/resized": lambda update: {"rows": update["rows"], "columns": update["columns"]},
    "_rc/archived": lambda update: {"archived": True},
    "_rc/restored": lambda update: {"archived": False},
    "state_update": lambda update: {
        "turn": update.get("state"),
        **({"doing": None} if update.get("state") == "idle" else {}),
    },
    "tool_call": _tool_call,
}
