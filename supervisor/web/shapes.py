"""Shapes of answers, for the OpenAPI description: written down by hand, since what the box tells is JSON already."""

from __future__ import annotations

from typing import Any

from supervisor.core.options import SPAWN_MODES
from workers.core.lifecycle import State

Shape = dict[str, Any]

_TEXT: Shape = {"type": "string"}
_TEXT_OR_NONE: Shape = {"type": ["string", "null"]}
_NUMBER: Shape = {"type": "integer"}
_NUMBER_OR_NONE: Shape = {"type": ["integer", "null"]}
_FLAG: Shape = {"type": "boolean"}
_ANY: Shape = {}


def _object(required: dict[str, Shape], **more: Shape) -> Shape:
    return {"type": "object", "properties": {**required, **more}, "required": list(required)}


def _list(of: Shape) -> Shape:
    return {"type": "array", "items": of}


PROBLEM = _object(
    {"type": _TEXT, "title": _TEXT, "status": _NUMBER, "code": _TEXT, "detail": _TEXT, "hint": _TEXT},
)
WHO = _object({"person": _TEXT_OR_NONE, "device": _TEXT_OR_NONE})
PROJECT = _object({"id": _TEXT, "path": _TEXT, "git": _FLAG, "branch": _TEXT_OR_NONE})
_COMMAND = _list(_TEXT)
AGENT = _object({"name": _TEXT, "adapter": _TEXT, "available": _FLAG, "why": _TEXT_OR_NONE, "command": _COMMAND})
BOX = _object(
    {
        "name": _TEXT,
        "version": _TEXT,
        "epoch": _NUMBER,
        "spawn_mode": {"enum": list(SPAWN_MODES)},
        "capacity": _NUMBER,
        "used": _NUMBER,
        "projects": _list(PROJECT),
        "agents": _list(AGENT),
        "sandbox": _TEXT,
        "urls": _list(_TEXT),
        "you": _object({"person": _TEXT_OR_NONE, "role": _TEXT, "device": _TEXT_OR_NONE}, session=_TEXT_OR_NONE),
    }
)
SESSION = _object(
    {
        "id": _TEXT,
        "name": _TEXT,
        "state": {"enum": [state.value for state in State]},
        "agent": _TEXT,
        "project": _TEXT,
        "spawn_mode": {"enum": list(SPAWN_MODES)},
        "url": _TEXT_OR_NONE,
        "workspace": _TEXT_OR_NONE,
        "branch": _TEXT_OR_NONE,
        "base_commit": _TEXT_OR_NONE,
        "base_ref": _TEXT_OR_NONE,
        "created_at": _TEXT,
        "created_by": WHO,
        "history": _TEXT_OR_NONE,
        "last_seq": _NUMBER,
        "terminal": {"type": ["object", "null"]},
        "turn": {"enum": ["idle", "running", "waiting_for_approval", None]},
        "open_approvals": _NUMBER,
        "viewers": _NUMBER,
        "pid": _NUMBER_OR_NONE,
        "worker": {"enum": ["local", "remote"]},
        "worker_pid": _NUMBER_OR_NONE,
        "unresponsive": _FLAG,
        "exit": {"type": ["object", "null"]},
        "archived": _FLAG,
        "sandbox": _TEXT,
    }
)
SESSIONS = _object({"sessions": _list(SESSION)}, next_cursor=_TEXT)
EVENTS = _object(
    {"events": _list({"type": "object"}), "last_seq": _NUMBER}, gap=_object({"from": _NUMBER, "to": _NUMBER})
)
ACCEPTED = _object({"seq": _NUMBER})
DELETED = _object({"archived_ref": _TEXT_OR_NONE, "trash": _TEXT_OR_NONE, "restorable_until": _TEXT_OR_NONE})
PROJECTS = _object({"projects": _list(PROJECT)})
_FACTS: dict[str, Shape] = {"size": _NUMBER, "mode": _TEXT, "modified_at": _TEXT}
ENTRY = _object(
    {"name": _TEXT, "path_encoded": _TEXT, "type": {"enum": ["file", "directory", "link", "other"]}, **_FACTS}
)
LISTING = _object({"path": _TEXT, "entries": _list(ENTRY), "truncated": _FLAG})
WRITTEN = _object({"path": _TEXT, **_FACTS})
UPLOADED = _object({"name": _TEXT, "path": _TEXT, "size": _NUMBER})
CHANGE = _object({"path": _TEXT, "status": _TEXT, "added": _NUMBER, "removed": _NUMBER, "binary": _FLAG})
DIFF = _object({"files": _list(CHANGE), "patch": _TEXT, "truncated": _FLAG})
_DELETED = _object(
    {"id": _TEXT, "name": _TEXT, "deleted_at": _TEXT, "restorable_until": _TEXT}, bytes=_NUMBER, whole=_FLAG
)
TRASH = _object({"trash": _list(_DELETED)})
PRUNED = _object({"pruned": _list(_object({"id": _TEXT, "name": _TEXT})), "bytes": _NUMBER, "left": _list(_TEXT)})
_USED = _object({"id": _TEXT, "name": _TEXT, "bytes": _NUMBER, "whole": _FLAG})
DF = _object({"disk": _object({"total": _NUMBER, "free": _NUMBER}), "sessions": _list(_USED), "trash": _list(_USED)})
TICKET = _object({"ticket": _TEXT})
DEVICE = _object(
    {
        "id": _TEXT,
        "kind": {"enum": ["browser", "cli", "machine"]},
        "label": _TEXT,
        "person": _TEXT,
        "role": _TEXT,
        "created_at": _TEXT,
        "created_by": WHO,
        "last_used_at": _TEXT_OR_NONE,
        "lines": _NUMBER,
        "current": _FLAG,
    }
)
DEVICES = _object({"devices": _list(DEVICE)})
INVITATION = _object(
    {
        "id": _TEXT,
        "code": _TEXT,
        "url": _TEXT_OR_NONE,
        "urls": _list(_TEXT),
        "offer": {
            **_object({"link": _TEXT, "for_others": _FLAG, "advice": _list(_TEXT)}),
            "type": ["object", "null"],
        },
        "box_key": _TEXT,
        "expires_at": _TEXT,
    }
)
CLAIMED = _object({"id": _TEXT, "box_key": _TEXT, "nonce_b": _TEXT})
_PAIRING_STATE = {"enum": ["waiting", "accepted", "refused", "expired"]}
PAIRING_STATE = _object({"state": _PAIRING_STATE}, device=_TEXT_OR_NONE)
PAIRING = _object(
    {
        "id": _TEXT,
        "state": _PAIRING_STATE,
        "expires_at": _TEXT,
        "claimed": {"type": ["object", "null"], "properties": {"address": _TEXT, "label": _TEXT_OR_NONE}},
        "opened": _FLAG,
        "contenders": _list(_TEXT),
        "tries_left": _NUMBER,
        "device": _TEXT_OR_NONE,
    }
)
PAIRINGS = _object({"pairings": _list(PAIRING)})
TOKEN = _object({"access_token": _TEXT, "expires_in": _NUMBER})
TICKET_AND_TOKEN = _object({"ticket": _TEXT, "access_token": _TEXT, "expires_in": _NUMBER})
BRIDGE = _object(
    {
        "worker_jwt": _TEXT,
        "expires_in": _NUMBER,
        "generation": _NUMBER,
        "api_base_url": _TEXT_OR_NONE,
        "last_seq": _NUMBER,
        "session": _TEXT,
    }
)
RECORDED = _object({"number": _NUMBER, "terminal_offset": _NUMBER})
OK = _object({"ok": _FLAG})
ANYTHING = _object({})


def json_answer(shape: Shape, description: str = "Done") -> Shape:
    return {"description": description, "content": {"application/json": {"schema": shape}}}


def octets_answer(description: str, media_type: str = "application/octet-stream") -> Shape:
    return {"description": description, "content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}


def problem_answer(description: str) -> Shape:
    return {"description": description, "content": {"application/problem+json": {"schema": PROBLEM}}}


IDEMPOTENCY_KEY: Shape = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeat with the same key and body gets the first answer again, for 24 hours",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
PROBLEMS: dict[int | str, Shape] = {
    "4XX": problem_answer("Refused; nothing was changed"),
    "5XX": problem_answer("It could not be done: `launch_failed`, `git_failed`, `not_ready`, `disk_full`, `internal`"),
}
