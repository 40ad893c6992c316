"""Orders as they come over the link, and what is answered to them."""

from __future__ import annotations

import os
from typing import Any

from workers.core import commands
from workers.core.session import Order
from workers.errors import Broken, Refused


def read_order(value: Any, now: float) -> Order:
    """The command in a COMMAND frame that came at monotonic time `now`. It says until when it may be carried out:
    later, whoever asked has been refused.

    Raises Refused for what a person may have written, Broken for what no supervisor of ours sends.
    """
    if not isinstance(value, dict):
        raise Broken("a command that is not an object")
    by, refusal, until = value.get("by"), value.get("refusal"), value.get("until", now)
    origin = value.get("origin", "person")
    if not (by is None or isinstance(by, dict)) or origin not in ("person", "rc") or not isinstance(until, float):
        raise Broken("a command from nobody we know")
    held = None
    if isinstance(refusal, dict):
        held = Refused(*(str(refusal.get(key)) for key in ("code", "detail", "hint")))
    elif now > until:  # a repeat of what was accepted in time gets its first number all the same
        held = Refused("not_running", "the session has taken this too late and does nothing of it", "send it again")
    return Order(commands.parse(value.get("command")), by, origin, _fresh_id(), held)


def _fresh_id() -> str:
    """A random UUID; the module of that name would bring a dozen others with it."""
    bits = int.from_bytes(os.urandom(16), "big") & ~(0xF << 76 | 0x3 << 62) | 4 << 76 | 2 << 62
    digits = f"{bits:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def outcome(seq: int, repeat: bool, error: OSError | None) -> dict[str, Any]:
    """The ANSWER to a command that was accepted under this number, once it is on disk, or is not."""
    if error is None:
        return {"seq": seq, "repeat": True} if repeat else {"seq": seq}
    detail = f"the disk did not take it: {error.strerror}"
    return {"error": {"code": "disk_full", "detail": detail, "hint": "look at the disk of the box"}}
