"""What a client says on a stream, from its frames; the answers are JSON objects made where they are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeGuard

from supervisor.core.clientframes import KEYS
from workers.core import commands
from workers.errors import Refused

MAX_ID = 128  # characters of the client's own name for a command; it comes back in the answer

# The commands of a session that a stream takes; the other kinds belong to routes of their own.
KINDS = ("prompt", "interrupt", "cancel_message", "resize", "signal", "take_lease", "release_lease")


@dataclass(frozen=True, slots=True)
class Order:
    """A command for the session. `wish` is its JSON, checked; `kind` one of `KINDS`; `id` the client's name for it."""

    id: str
    kind: str
    wish: dict[str, Any]

    @property
    def message_id(self) -> str | None:
        """By which a repeat is known. That of a `cancel_message` is its target's."""
        return self.wish.get("message_id") if self.kind != "cancel_message" else None


@dataclass(frozen=True, slots=True)
class Credit:
    """The client has drawn the terminal's output up to this offset."""

    offset: int


@dataclass(frozen=True, slots=True)
class Ping:
    id: str


@dataclass(frozen=True, slots=True)
class Keys:
    """Octets for the terminal."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Unfit:
    """Not a message of ours. `id` names the command that is refused, where the frame let us read one."""

    id: str | None
    refused: Refused


Message = Order | Credit | Ping | Keys | Unfit


def parse(frame: str | bytes) -> Message:
    """The message in one frame. Never raises: what cannot be read is `Unfit`, and the line stays."""
    if isinstance(frame, bytes):
        return _binary(frame)
    try:
        # RecursionError: 256 KiB of `[` are deep enough. Numbers of more than 4,300 digits are a ValueError.
        value = json.loads(frame, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return _unfit("this is not JSON", "send one JSON object a frame")
    if not isinstance(value, dict):
        return _unfit("a message is a JSON object", "send one JSON object a frame")
    name = value.get("type")
    reader = _TYPES.get(name) if isinstance(name, str) else None
    if reader is None:
        return _unfit("a message's `type` is missing or unknown", f"use one of: {' '.join(_TYPES)}")
    return reader(value)


def parse_wish(value: object) -> tuple[str, dict[str, Any]]:
    """(kind, command) of a command's JSON, as a stream and `POST …/commands` take it. Raises Refused."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(kind, str) or kind not in KINDS:
        raise Refused("invalid", "a command's `kind` is missing or unknown", f"use one of: {' '.join(KINDS)}")
    commands.parse(value)
    return kind, value


def _binary(frame: bytes) -> Message:
    if len(frame) < 2 or frame[0] != KEYS:
        return _unfit("a binary frame is the octet 1 and then keys", "send 0x01 and at least one octet")
    return Keys(frame[1:])


def _command(value: dict[str, Any]) -> Message:
    id = value.get("id")
    if not _is_id(id):
        return _unfit("a command's `id` is missing or not a short text", 'send {"type":"command","id":"c1",…}')
    extra = value.keys() - {"type", "id", "command"}
    try:
        if extra:
            raise Refused("invalid", f"a command message has no field {sorted(extra)[0][:40]!r}", "leave it out")
        kind, wish = parse_wish(value.get("command"))
    except Refused as refused:
        known = isinstance(value.get("command"), dict) and value["command"].get("kind") in KINDS
        # An unknown kind is answered without an id, like an unknown type.
        return Unfit(id if extra or known else None, refused)
    return Order(id, kind, wish)


def _credit(value: dict[str, Any]) -> Message:
    offset = value.get("terminal_offset")
    # type(): True is an int to isinstance, and not a number in JSON
    if value.keys() != {"type", "terminal_offset"} or type(offset) is not int or not 0 <= offset < 1 << 63:
        return _unfit("a credit has `terminal_offset` and nothing else", 'send {"type":"credit","terminal_offset":N}')
    return Credit(offset)


def _ping(value: dict[str, Any]) -> Message:
    id = value.get("id")
    if value.keys() != {"type", "id"} or not _is_id(id):
        return _unfit("a ping has an `id` and nothing else", 'send {"type":"ping","id":"p1"}')
    return Ping(id)


_TYPES: dict[str, Callable[[dict[str, Any]], Message]] = {"command": _command, "credit": _credit, "ping": _ping}


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= MAX_ID


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _unfit(detail: str, hint: str) -> Unfit:
    return Unfit(None, Refused("invalid", detail, hint))
