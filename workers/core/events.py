"""Facts a session tells. The counterpart is `commands`: what it can be told.

An event's body is the JSON object `{"origin", "by"?, "turn"?, "via"?, "worker"?, "update"}`; the journal keeps it with
its number and time, and `client_frame` puts those in front. An update is one of ACP's `session/update` objects, or one
of ours, whose kind begins with `_rc/`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Update = dict[str, Any]

MAX_UPDATE = 192 << 10  # octets of an update as JSON: with its envelope it fits a stream's frame of 256 KiB
SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Blob:
    """What an update was before it was cut; kept as `blobs/<sha256>` in the bundle."""

    sha256: str
    data: bytes


def process(state: str, **facts: object) -> Update:
    """The agent's process is now `state`; facts: pid, code, signal, reason, terminal_offset, detail."""
    return {"sessionUpdate": "_rc/process", "state": state, **facts}


def accepted(kind: str, message_id: str | None) -> Update:
    """A command was accepted; its effects follow. Never holds what was typed."""
    named = {"message_id": message_id} if message_id else {}
    return {"sessionUpdate": "_rc/command", "kind": kind, **named}


def message_state(message_id: str, state: str) -> Update:
    """A prompt is now `queued`, `started`, `completed` or `cancelled`."""
    return {"sessionUpdate": "_rc/message_state", "message_id": message_id, "state": state}


def resized(rows: int, columns: int, terminal_offset: int) -> Update:
    """The terminal has this size from this offset on."""
    return {"sessionUpdate": "_rc/resized", "rows": rows, "columns": columns, "terminal_offset": terminal_offset}


def renamed(name: str) -> Update:
    return {"sessionUpdate": "_rc/renamed", "name": name}


def archived() -> Update:
    """People put the session away."""
    return {"sessionUpdate": "_rc/archived"}


def restored() -> Update:
    """The session is back from the archive or the trash."""
    return {"sessionUpdate": "_rc/restored"}


def notice(level: str, text: str) -> Update:
    """Something people should know; level is `info`, `warning` or `error`."""
    return {"sessionUpdate": "_rc/notice", "level": level, "text": text}


def user_text(text: str) -> Update:
    return {"sessionUpdate": "user_message_chunk", "content": {"type": "text", "text": text}}


def agent_text(text: str) -> Update:
    return {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}


def turn_running() -> Update:
    return {"sessionUpdate": "state_update", "state": "running"}


def turn_idle(stop_reason: str | None = None) -> Update:
    """The agent waits; `stop_reason` is ACP's: `end_turn`, `cancelled`, …, or none at the session's beginning."""
    why = {"stopReason": stop_reason} if stop_reason else {}
    return {"sessionUpdate": "state_update", "state": "idle", **why}


def body_of(
    update: Update,
    origin: str,
    by: dict[str, Any] | None = None,
    turn: str | None = None,
    worker: dict[str, Any] | None = None,
) -> bytes:
    """An event's body. `origin` is `agent`, `person` or `rc`; `by` is `{"person", "device"}`. `worker` is what the box
    must find again of the remote worker that told it: its number there, and where a run of it began."""
    via = None if worker is None else "bridge"
    fields = (("by", by), ("turn", turn), ("via", via), ("worker", worker))
    optional = {name: value for name, value in fields if value is not None}
    return _encode({"origin": origin, **optional, "update": update})


def client_frame(seq: int, at_ns: int, body: bytes) -> bytes:
    """The event as it goes to clients; nothing is parsed on the way."""
    return b'{"type":"event","seq":%d,"at":"%s",' % (seq, now_text(at_ns).encode()) + body[1:]


def now_text(at_ns: int) -> str:
    """A time in ns since 1970 as RFC 3339 in UTC with milliseconds."""
    seconds, rest = divmod(at_ns, SECOND)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03}Z"


def fit(update: Update) -> tuple[Update, Blob | None]:
    """The update cut to `MAX_UPDATE`, and the whole as a blob if something was cut.

    Strings are cut, the longest first, so that the kind and the ids stay; what has no long strings keeps only its
    kind. The cut update says so in `truncated: {bytes, sha256}`.
    """
    whole = _encode(update)
    if len(whole) <= MAX_UPDATE:
        return update, None
    blob = Blob(hashlib.sha256(whole).hexdigest(), whole)
    truncated = {"bytes": len(whole), "sha256": blob.sha256}
    for limit in _limits():
        cut: Update = {**_cut(update, limit), "truncated": truncated}
        if len(_encode(cut)) <= MAX_UPDATE:
            return cut, blob
    return {"sessionUpdate": update["sessionUpdate"], "truncated": truncated}, blob


def _limits() -> Iterator[int]:
    limit = MAX_UPDATE - 1024
    while limit >= 64:
        yield limit
        limit = limit * 3 // 4


def _cut(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return value[:limit]
    if isinstance(value, dict):
        return {key: _cut(item, limit) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(item, limit) for item in value]
    return value


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))  # `dumps` would make a new one for each event


def _encode(value: object) -> bytes:
    # Half a surrogate pair, which the name of a file may hold, has no octets; backslashes make a JSON escape of it.
    return _JSON.encode(value).encode(errors="backslashreplace")
