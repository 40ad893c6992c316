"""What a remote worker tells, from its frames. It runs on a machine that may be anybody's: every field is looked at.

    {"type":"begin","run":UUID}                             a program is being started; this run's numbers begin at 1
    {"type":"event","number":N,"origin":"agent"|"rc","turn"?,"update":{…}}
    {"type":"terminal","offset":N,"data":BASE64}            or a binary frame: 0x01, offset (8 octets), octets
    {"type":"done","number":N,"error"?:{code,detail,hint}}  command N is on the worker's disk, or is refused
    {"type":"ping","id":TEXT}

Numbers rise and may have gaps; offsets count every octet of output of a run. What came before is passed over. A worker
that has a WebSocket pings at least every 5 s.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from workers.core.commands import MAX_CELLS
from workers.core.events import MAX_UPDATE, Update
from workers.errors import Refused

MOST = (1 << 53) - 1  # of a number or an offset: what every reader of JSON takes exactly
MAX_DEPTH = 32  # of an update; ACP's own have half of that
MAX_TEXT = 4096  # characters of what is told about the session itself
MAX_WORD = 64
MAX_OUTPUT = 128 << 10  # octets of output in one record: it goes on to people in one frame
OUTPUT = 1  # the first octet of a binary frame
OFFSET = 8

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CODE = re.compile(r"[a-z_]{1,64}")

# What an agent may tell: all of ACP's kinds but `user_message_chunk`, for nobody there speaks as a person.
AGENTS = frozenset(
    {
        *("agent_message_chunk", "agent_thought_chunk", "tool_call", "tool_call_update", "plan", "state_update"),
        *("available_commands_update", "current_mode_update", "config_option_update", "session_info_update"),
        "usage_update",
    }
)


@dataclass(frozen=True, slots=True)
class Begin:
    """A run begins: a program is being started, and nothing is left of one before it."""

    run: str


@dataclass(frozen=True, slots=True)
class Told:
    """An event. `origin` is `agent` or `rc`, `turn` the id of the prompt it belongs to."""

    number: int
    origin: str
    turn: str | None
    update: Update = field(repr=False)


@dataclass(frozen=True, slots=True)
class Output:
    """Terminal output; `offset` counts from the beginning of the run."""

    offset: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Done:
    """Command `number` is with the worker for good, or is refused."""

    number: int
    error: Refused | None


@dataclass(frozen=True, slots=True)
class Ping:
    id: str


Record = Begin | Told | Output | Done | Ping
Check = Callable[[object], bool]


def parse_frame(frame: str | bytes) -> Record:
    """The record in one WebSocket frame. Raises Refused `invalid`."""
    if isinstance(frame, bytes):
        if len(frame) < 2 + OFFSET or frame[0] != OUTPUT:
            raise _invalid("a binary frame is the octet 1, an offset of 8 octets, and output")
        return _output(int.from_bytes(frame[1 : 1 + OFFSET], "big"), frame[1 + OFFSET :])
    try:
        value = json.loads(frame, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _invalid("this is not JSON") from None
    return parse_record(value)


def parse_record(value: object) -> Record:
    """The record in one JSON object. Raises Refused `invalid`."""
    if not isinstance(value, dict):
        raise _invalid("a record is a JSON object")
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in _READERS:
        raise _invalid(f"a record's `type` is one of: {' '.join(_READERS)}")
    reader, needed, optional = _READERS[kind]
    fields = value.keys() - {"type"}
    if needed - fields or fields - needed - optional:
        raise _invalid(f"a record of type {kind} has {' '.join(sorted(needed))}, and perhaps {' '.join(optional)}")
    return reader(value)


def _begin(value: dict[str, Any]) -> Record:
    if not is_uuid(value["run"]):
        raise _invalid("a `run` is a UUID in lower case")
    return Begin(value["run"])


def _event(value: dict[str, Any]) -> Record:
    number, origin, turn, update = value["number"], value["origin"], value.get("turn"), value["update"]
    if not _is_count(number) or number == 0:
        raise _invalid("an event's `number` is a whole number from 1")
    if origin not in ("agent", "rc"):
        raise _invalid("an event's `origin` is agent or rc: a worker does not speak as a person")
    if turn is not None and not is_uuid(turn):
        raise _invalid("an event's `turn` is the id of a message")
    _check_size(update)
    _check_update(origin, update)
    return Told(number, origin, turn, update)


def _check_size(update: object) -> None:
    if not isinstance(update, dict) or _depth_of(update) > MAX_DEPTH:
        raise _invalid(f"an `update` is a JSON object of at most {MAX_DEPTH} levels")
    try:
        size = len(json.dumps(update, ensure_ascii=False, allow_nan=False).encode(errors="backslashreplace"))
    except ValueError:  # 1e999 is JSON, and no number that could be told on
        raise _invalid("an `update` holds a number that no reader of JSON takes") from None
    if size > MAX_UPDATE:
        raise _invalid(f"an `update` has at most {MAX_UPDATE} octets")


def _check_update(origin: str, update: Update) -> None:
    kind = str(update.get("sessionUpdate"))
    if kind in _OURS and origin == "rc":
        _check_fields(kind, update, *_OURS[kind])
        if update.get("state") in _ENDED and "reason" not in update:
            raise _invalid("the end of a process has its `reason`")
    elif kind not in AGENTS:
        raise _invalid(f"a worker tells no such update as {origin}: {kind[:MAX_WORD]!r}")
    elif kind == "state_update":
        _check_fields(kind, update, *_STATE)


def _terminal(value: dict[str, Any]) -> Record:
    try:
        data = base64.b64decode(value["data"], validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise _invalid("the `data` of output is base64") from None
    return _output(value["offset"], data)


def _output(offset: object, data: bytes) -> Output:
    if not _is_count(offset):
        raise _invalid(f"an offset is a whole number up to {MOST}")
    if not 0 < len(data) <= MAX_OUTPUT:
        raise _invalid(f"of output 1 to {MAX_OUTPUT} octets go at once")
    assert isinstance(offset, int)
    return Output(offset, data)


def _done(value: dict[str, Any]) -> Record:
    number, error = value["number"], value.get("error")
    if not _is_count(number):
        raise _invalid("the `number` of a command is a whole number")
    if error is None:
        return Done(number, None)
    if not isinstance(error, dict) or not _is_word(error.get("code")) or not _CODE.fullmatch(error["code"]):
        raise _invalid("an `error` has a code, a detail and a hint")
    if not (_is_text(error.get("detail")) and _is_text(error.get("hint"))):
        raise _invalid(f"detail and hint of an `error` are texts of at most {MAX_TEXT} characters")
    return Done(number, Refused(error["code"], error["detail"], error["hint"]))


def _ping(value: dict[str, Any]) -> Record:
    if not _is_word(value["id"]):
        raise _invalid("a ping's `id` is a short text")
    return Ping(value["id"])


_READERS: dict[str, tuple[Callable[[dict[str, Any]], Record], set[str], set[str]]] = {
    "begin": (_begin, {"run"}, set()),
    "event": (_event, {"number", "origin", "update"}, {"turn"}),
    "terminal": (_terminal, {"offset", "data"}, set()),
    "done": (_done, {"number"}, {"error"}),
    "ping": (_ping, {"id"}, set()),
}


def is_uuid(value: object) -> bool:
    """Whether it is a UUID as we write them."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MOST  # type(): True is an int to isinstance


def _is_cells(value: object) -> bool:
    return type(value) is int and 1 <= value <= MAX_CELLS


def _is_word(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_WORD


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _one_of(*words: str) -> Check:
    return lambda value: value in words


_ENDED = ("exited", "suspended", "lost")
_Fields = tuple[dict[str, Check], dict[str, Check]]  # those that must be there, and those that may
_WHERE: dict[str, Check] = {"terminal_offset": _or_none(_is_count)}  # as local workers have it; ours is what counts
_STATE: _Fields = ({"state": _one_of("running", "idle")}, {"stopReason": _is_word})
_OURS: dict[str, _Fields] = {
    "_rc/process": (
        {"state": _one_of("running", *_ENDED)},
        {
            **_WHERE,
            "pid": _or_none(_is_count),
            "code": _or_none(lambda value: type(value) is int and 0 <= value <= 255),
            "signal": _or_none(_is_word),
            "reason": _one_of("ended", "stopped", "killed", "suspended", "launch_failed", "lost", "rebooted"),
            "detail": _is_text,
        },
    ),
    "_rc/message_state": (
        {"message_id": is_uuid, "state": _one_of("queued", "started", "completed", "cancelled")},
        {},
    ),
    "_rc/resized": ({"rows": _is_cells, "columns": _is_cells}, _WHERE),
    "_rc/notice": ({"level": _one_of("info", "warning", "error"), "text": _is_text}, {}),
}


def _check_fields(kind: str, update: Update, needed: dict[str, Check], optional: dict[str, Check]) -> None:
    checks = needed | optional
    for name in needed.keys() - update.keys():
        raise _invalid(f"a {kind} without {name!r}")
    for name, item in update.items():
        if name != "sessionUpdate" and (name not in checks or not checks[name](item)):
            raise _invalid(f"the {name[:MAX_WORD]!r} of a {kind} is not what a worker tells")


def _depth_of(value: object) -> int:
    """How deep it is nested, as far as that matters."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner += each.values()
            elif isinstance(each, list):
                inner += each
        level, depth = inner, depth + 1
    return depth


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _invalid(detail: str) -> Refused:
    return Refused("invalid", detail, "see /openapi.json for what a worker tells")
