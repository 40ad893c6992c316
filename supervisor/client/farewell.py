"""What the end of a stream means to who follows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.errors import Refused


def refusal_of_bye(message: Mapping[str, Any], name: str | None = None) -> Refused | None:
    """Why the stream of a session (called so) will not come back; None when it will."""
    if message.get("retry") is not False:
        return None
    if message.get("reason") == "revoked":
        return revoked()
    reason = str(message.get("reason")).replace("_", " ")
    return Refused("unknown_session", f"{name}: {reason}" if name else reason, "rc ls shows what there is")


def revoked() -> Refused:
    """The box no longer lets this device in."""
    return Refused("unauthenticated", "this device has been revoked at the box", "pair it anew: rc login URL")
