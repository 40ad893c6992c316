"""What a session can be told. The counterpart is `events`: the facts it tells."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from workers.errors import Refused

MAX_TEXT = 256 << 10  # octets of a prompt: the largest frame of a stream
MAX_NAME = 64
MAX_CELLS = 1000  # rows or columns; more is nobody's terminal and costs a program's memory by the square
SIGNALS = ("INT", "TERM", "HUP", "QUIT", "KILL", "USR1", "USR2", "TSTP", "CONT", "WINCH")

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """Say this to the agent. `message_id` names it for ever; a repeat is not carried out again."""

    kind: ClassVar[str] = "prompt"
    text: str
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Leave off what you are doing, and wait."""

    kind: ClassVar[str] = "interrupt"
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class CancelMessage:
    """Forget the queued prompt `message_id`. It names its target, so it has no id of its own."""

    kind: ClassVar[str] = "cancel_message"
    message_id: str


@dataclass(frozen=True, slots=True)
class Resize:
    """Make the terminal this big, in cells."""

    kind: ClassVar[str] = "resize"
    rows: int
    columns: int
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """Send this signal to the agent; the name is one of `SIGNALS`."""

    kind: ClassVar[str] = "signal"
    name: str
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Rename:
    kind: ClassVar[str] = "rename"
    name: str
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """End the agent."""

    kind: ClassVar[str] = "stop"
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Suspend:
    """End the agent so that the session can be resumed."""

    kind: ClassVar[str] = "suspend"
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class TakeLease:
    """Let this connection type. The supervisor keeps the lease; the session keeps the record that it was asked for."""

    kind: ClassVar[str] = "take_lease"
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class ReleaseLease:
    """Let others type; likewise."""

    kind: ClassVar[str] = "release_lease"
    message_id: str | None = None


Command = Prompt | Interrupt | CancelMessage | Resize | Signal | Rename | Stop | Suspend | TakeLease | ReleaseLease


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text that is not empty")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise ValueError("a text of whole characters, without halves of surrogate pairs") from None
    if size > MAX_TEXT:
        raise Refused(
            "too_large", f"a text of {size} octets; at most {MAX_TEXT} go at once", "put it into a file and name that"
        )
    return value


def _cells(value: object) -> int:
    # bool is an int to Python, not to JSON
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_CELLS:
        raise ValueError(f"a whole number from 1 to {MAX_CELLS}")
    return value


def _uuid(value: object) -> str:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise ValueError("a UUID")
    return value.lower()


def _signal(value: object) -> str:
    name = value.removeprefix("SIG") if isinstance(value, str) else None
    if name not in SIGNALS:
        raise ValueError(f"one of {' '.join(SIGNALS)}")
    return name


def _name(value: object) -> str:
    # what a name may hold is the box's rule; here only what would break a journal or a screen
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_NAME or not value.isprintable():
        raise ValueError(f"a name of 1 to {MAX_NAME} printable characters")
    return value


Check = Callable[[object], object]

_ID: dict[str, Check] = {"message_id": _uuid}
_KINDS: dict[str, tuple[type[Command], dict[str, Check], dict[str, Check]]] = {
    # kind: (command, fields that must be there, fields that may be)
    "prompt": (Prompt, {"text": _text}, _ID),
    "interrupt": (Interrupt, {}, _ID),
    "cancel_message": (CancelMessage, _ID, {}),
    "resize": (Resize, {"rows": _cells, "columns": _cells}, _ID),
    "signal": (Signal, {"name": _signal}, _ID),
    "rename": (Rename, {"name": _name}, _ID),
    "stop": (Stop, {}, _ID),
    "suspend": (Suspend, {}, _ID),
    "take_lease": (TakeLease, {}, _ID),
    "release_lease": (ReleaseLease, {}, _ID),
}


def parse(value: Any) -> Command:
    """A command from its JSON. Raises Refused `invalid`, or `too_large` for a text that is."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        raise _invalid("a command's `kind` is missing or unknown", f"use one of: {' '.join(_KINDS)}")
    made, needed, optional = _KINDS[kind]
    fields = {name: item for name, item in value.items() if name != "kind"}
    for name in fields.keys() - needed.keys() - optional.keys():
        raise _invalid(f"a {kind} has no field {name[:MAX_NAME]!r}", f"it takes: {' '.join((*needed, *optional))}")
    for name in needed.keys() - fields.keys():
        raise _invalid(f"a {kind} without {name!r}", f"add the field {name!r}")
    checked: dict[str, Any] = {}
    for name, item in fields.items():
        try:
            checked[name] = (needed | optional)[name](item)
        except ValueError as error:
            raise _invalid(f"the {name!r} of a {kind} must be {error}", f"give {name!r} as {error}") from error
    return made(**checked)


def _invalid(detail: str, hint: str) -> Refused:
    return Refused("invalid", detail, hint)
