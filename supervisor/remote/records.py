"""From an event in a worker's own journal to what the box is told of it. The counterpart is `core.workerrecords`."""

from __future__ import annotations

from typing import Any

from supervisor.core.workerrecords import AGENTS

_PROCESS = {
    "running": ("pid",),
    "exited": ("code", "signal", "reason", "detail"),
    "suspended": ("code", "signal", "reason"),
    "lost": ("code", "signal", "reason"),
}
# What else is told of the session itself; the box knows better which commands it has given, and who said what.
_OURS = {
    "_rc/message_state": ("message_id", "state"),
    "_rc/resized": ("rows", "columns"),
    "_rc/notice": ("level", "text"),
}


def record_of(number: int, event: dict[str, Any]) -> dict[str, Any] | None:
    """The record; None for what the box writes down itself."""
    origin, update = event["origin"], event["update"]
    kind = update["sessionUpdate"]
    if kind in AGENTS and origin in ("agent", "rc"):
        told = update
    elif kind == "_rc/process" and update["state"] in _PROCESS:
        origin, told = "rc", _only(update, ("state", *_PROCESS[update["state"]]))
    elif kind in _OURS:
        origin, told = "rc", _only(update, _OURS[kind])
    else:
        return None
    turn = {"turn": event["turn"]} if "turn" in event else {}
    return {"type": "event", "number": number, "origin": origin, **turn, "update": told}


def _only(update: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: update[name] for name in ("sessionUpdate", *names) if name in update}
