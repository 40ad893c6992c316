"""Who may do what: one table from routes and messages to actions, one from actions and principals to a yes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

from workers.errors import Refused


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request acts for: `owner` of the box, `agent` of one session, the remote `worker` of one, or `anonymous`
    (nobody has signed in).

    `device` is the id of the paired device that they act from, `device_kind` is `browser`, `cli` or `machine`; both are
    None on the box's own socket. `generation` is that of the exchange by which a worker has come, `let_in_by` the
    device that asked for it.
    """

    kind: str
    session: str | None = None
    device: str | None = None
    generation: int = 0
    let_in_by: str | None = None
    device_kind: str | None = field(default=None, compare=False)  # a device stays who it is when it is paired anew

    def you(self) -> dict[str, object]:
        """What `GET /v1/box` says of the asker."""
        if self.kind == "owner":
            return {"person": "owner", "role": "admin", "device": self.device}
        return {"person": None, "role": self.kind, "device": None, "session": self.session}

    def by(self) -> dict[str, object]:
        """What events and sessions say of whoever caused them."""
        return {"person": "owner" if self.kind == "owner" else None, "device": self.device}

    def role_in(self, session: str) -> str:
        """The role in one session: the owner's own, or that of somebody who only looks."""
        return "owner" if may(self, Action.OWN, session) else "viewer"


OWNER = Principal("owner")
ANONYMOUS = Principal("anonymous")


class Action(Enum):
    """What can be allowed. Several routes or messages share one where they always go together."""

    PROBE = "ask whether the process runs"
    LOAD_PAGE = "load the page"
    SEE_BOX = "look at the box"
    WATCH_BOX = "follow all sessions of the box"
    CHANGE_BOX = "change the box"
    READ_MANUAL = "read what the API offers"
    SEE_ALL = "list what the box holds"
    CREATE = "start a session"
    LOOK = "look at a session"
    SEE_KEPT = "fetch what was cut out of an event"
    OPERATE = "type, prompt, resize and signal in a session"
    END = "stop, suspend or resume a session"
    OWN = "rename, archive, restore or delete a session"
    WRITE_FILE = "write into a session's workspace"
    EXECUTE = "run a command in a session's workspace"
    MEASURE = "read the figures of the box"
    KEEP_HOUSE = "see and free what the box keeps on disk"
    PAIR = "pair a device"  # this and the next prove themselves by what they say, and need no sign-in before
    SIGN_IN = "sign in from a device"
    ADMIT = "say which devices may come in"
    BRIDGE = "let a remote worker come in"
    WORK = "be the remote worker of a session"


SESSIONS = "/v1/code/sessions"
SESSION = SESSIONS + "/{id}"

ROUTES: dict[tuple[str, str], Action] = {
    ("GET", "/healthz"): Action.PROBE,
    ("GET", "/readyz"): Action.SEE_BOX,
    ("GET", "/metrics"): Action.MEASURE,
    ("GET", "/openapi.json"): Action.READ_MANUAL,
    ("GET", "/v1/box"): Action.SEE_BOX,
    ("PATCH", "/v1/box"): Action.CHANGE_BOX,
    ("GET", "/v1/stream"): Action.WATCH_BOX,
    ("GET", "/v1/projects"): Action.SEE_ALL,
    ("POST", "/v1/projects"): Action.CHANGE_BOX,
    ("DELETE", "/v1/projects/{id}"): Action.CHANGE_BOX,
    ("GET", "/v1/df"): Action.KEEP_HOUSE,
    ("GET", "/v1/trash"): Action.KEEP_HOUSE,
    ("POST", "/v1/prune"): Action.KEEP_HOUSE,
    ("POST", "/v1/shutdown"): Action.CHANGE_BOX,
    ("POST", "/v1/pairings"): Action.ADMIT,
    ("GET", "/v1/pairings"): Action.ADMIT,
    ("POST", "/v1/pairings/claim"): Action.PAIR,
    ("GET", "/v1/pairings/{id}"): Action.PAIR,
    ("DELETE", "/v1/pairings/{id}"): Action.ADMIT,
    ("POST", "/v1/pairings/{id}/open"): Action.PAIR,
    ("POST", "/v1/pairings/{id}/accept"): Action.ADMIT,
    ("POST", "/v1/tokens"): Action.SIGN_IN,
    ("POST", "/v1/tickets"): Action.SIGN_IN,
    ("GET", "/v1/devices"): Action.ADMIT,
    ("POST", "/v1/devices"): Action.ADMIT,
    ("DELETE", "/v1/devices/{id}"): Action.ADMIT,
    ("GET", SESSIONS): Action.SEE_ALL,
    ("POST", SESSIONS): Action.CREATE,
    ("GET", SESSION): Action.LOOK,
    ("PATCH", SESSION): Action.OWN,
    ("DELETE", SESSION): Action.OWN,
    ("GET", SESSION + "/stream"): Action.LOOK,
    ("GET", SESSION + "/events"): Action.LOOK,
    ("GET", SESSION + "/terminal"): Action.LOOK,
    ("GET", SESSION + "/blobs/{sha256}"): Action.SEE_KEPT,
    ("POST", SESSION + "/commands"): Action.OPERATE,
    ("POST", SESSION + "/stop"): Action.END,
    ("POST", SESSION + "/suspend"): Action.END,
    ("POST", SESSION + "/resume"): Action.END,
    ("POST", SESSION + "/archive"): Action.OWN,
    ("POST", SESSION + "/restore"): Action.OWN,
    ("GET", SESSION + "/diff"): Action.LOOK,
    ("GET", SESSION + "/files"): Action.LOOK,
    ("PUT", SESSION + "/files"): Action.WRITE_FILE,
    ("PUT", SESSION + "/uploads/{name}"): Action.WRITE_FILE,
    ("POST", SESSION + "/exec"): Action.EXECUTE,
    ("POST", SESSION + "/bridge"): Action.BRIDGE,
    ("GET", SESSION + "/worker"): Action.WORK,
    ("POST", SESSION + "/worker/events"): Action.WORK,
}

# Documents of the page: the same for everybody, without a secret and without a word about this box. What they show
# they ask for by the routes above, as a paired device. A link on another site may lead here, since opening one starts
# nothing.
PAGES = ("/", "/pair", "/new", "/devices", "/settings", "/code/{id}")
PAGE_FILES = ("/assets/{name}", "/icons/{name}", "/offline.js", "/manifest.webmanifest")
ROUTES |= dict.fromkeys((("GET", template) for template in (*PAGES, *PAGE_FILES)), Action.LOAD_PAGE)

# What a WebSocket may be opened on; a GET as far as HTTP goes.
WEBSOCKETS: dict[str, Action] = {
    "/v1/stream": Action.WATCH_BOX,
    SESSION + "/stream": Action.LOOK,
    SESSION + "/exec": Action.EXECUTE,
    SESSION + "/worker": Action.WORK,
}

# What a client may say on a session's stream: the message's type, for a command its kind, `keys` for binary frames.
MESSAGES: dict[str, Action] = {
    "prompt": Action.OPERATE,
    "interrupt": Action.OPERATE,
    "cancel_message": Action.OPERATE,
    "resize": Action.OPERATE,
    "signal": Action.OPERATE,
    "take_lease": Action.OPERATE,
    "release_lease": Action.OPERATE,
    "keys": Action.OPERATE,
    "credit": Action.LOOK,
    "ping": Action.LOOK,
}

# Always; in one's own session only; from the box's own socket and from the device of a script only; never.
_YES, _OWN, _BY_SCRIPT, _NO = "yes", "own", "by script", "no"

VERDICTS: dict[str, dict[Action, str]] = {
    "owner": {
        **dict.fromkeys(Action, _YES),
        Action.MEASURE: _BY_SCRIPT,
        Action.WORK: _NO,
    },  # nobody speaks for an agent
    "worker": {**dict.fromkeys(Action, _NO), Action.PROBE: _YES, Action.WORK: _OWN},  # nor that for somebody
    "agent": {**dict.fromkeys(Action, _NO), Action.PROBE: _YES, Action.SEE_BOX: _YES, Action.LOOK: _OWN},
    "anonymous": {
        **dict.fromkeys(Action, _NO),
        Action.PROBE: _YES,
        Action.LOAD_PAGE: _YES,
        Action.PAIR: _YES,
        Action.SIGN_IN: _YES,
    },
}


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request leads: the template of its path, what that asks for, and the session it names, if any."""

    template: str
    action: Action
    session: str | None


def may(principal: Principal, action: Action, session: str | None = None) -> bool:
    """Whether `principal` may do `action`, in `session` where it concerns one."""
    verdict = VERDICTS[principal.kind][action]
    if verdict == _BY_SCRIPT:
        return principal.device is None or principal.device_kind == "machine"
    return verdict == _YES or (verdict == _OWN and session is not None and session == principal.session)


def check(principal: Principal, action: Action, session: str | None = None) -> None:
    """Raises Refused(`not_allowed`) unless `principal` may do `action`, without looking whether anything exists."""
    if not may(principal, action, session):
        raise _not_allowed(principal, action)


def check_message(principal: Principal, kind: str, session: str) -> None:
    """The same for what is said on a session's stream. An unknown `kind` is Refused(`invalid`)."""
    if kind not in MESSAGES:
        raise Refused("invalid", f"there is no message or command {kind[:40]!r}", f"say one of {', '.join(MESSAGES)}")
    check(principal, MESSAGES[kind], session)


def route(principal: Principal, method: str, path: str, websocket: bool = False) -> Route:
    """Where `method` on the decoded `path` leads, when `principal` may go there.

    Raises Refused: `unauthenticated`, `not_allowed`, `not_found`, `method_not_allowed` with the field `allow`.
    Somebody who has not signed in, a program inside a session and a worker do not learn which routes there are.
    """
    found = _leading_to(path, websocket)
    here = found.get(method)
    if here is not None and may(principal, here.action, here.session):
        return here
    allow = sorted(known for known, each in found.items() if may(principal, each.action, each.session))
    if principal.kind == "anonymous" and (here is not None or not allow):
        raise Refused("unauthenticated", "nobody has signed in with this request", "pair this device with rc pair")
    if principal.kind in ("agent", "worker") or here is not None or (found and not allow):
        raise _not_allowed(principal, here.action if here else None)
    if not found:
        raise Refused("not_found", "there is nothing at this path", "see /openapi.json for what there is")
    raise Refused("method_not_allowed", f"this path takes {', '.join(allow)}", f"use {allow[0]}", allow=allow)


def websocket_at(path: str) -> Route | None:
    """Where a WebSocket on the decoded `path` leads, whoever asks."""
    return _leading_to(path, True).get("GET")


def _not_allowed(principal: Principal, action: Action | None) -> Refused:
    what = f"{action.value}" if action else "go there"
    if principal.kind == "agent":
        detail = f"a program inside a session may look at its own session and nothing else: it may not {what}"
        return Refused("not_allowed", detail, "run it in a terminal outside every session")
    if principal.kind == "worker":
        detail = f"a worker's token is good for the worker's own routes of its session: it may not {what}"
        return Refused("not_allowed", detail, "do it as a person: rc login")
    if action is Action.MEASURE:
        hint = "ask on the box's own socket, or with the key of a machine device"
        return Refused("not_allowed", f"from this device you may not {what}", hint)
    return Refused("not_allowed", f"you may not {what}", "ask the owner of the box")


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template)))


# Those without a variable first: /v1/pairings/claim is no pairing's id.
_TEMPLATES = sorted({*WEBSOCKETS, *(template for _, template in ROUTES)}, key=lambda template: template.count("{"))
_PATTERNS = {template: _pattern(template) for template in _TEMPLATES}


_PAGE_PATTERNS = tuple(map(_pattern, PAGES))


def is_page(path: str) -> bool:
    """Whether a document of the page is at this decoded path."""
    return any(pattern.fullmatch(path) for pattern in _PAGE_PATTERNS)


def _leading_to(path: str, websocket: bool) -> dict[str, Route]:
    """Every method that `path` takes, with where it leads."""
    for template, pattern in _PATTERNS.items():
        match = pattern.fullmatch(path)
        if match is not None:
            session = match.groupdict().get("id") if template.startswith(SESSION) else None
            if websocket:
                rows = {"GET": WEBSOCKETS[template]} if template in WEBSOCKETS else {}
            else:
                rows = {method: action for (method, known), action in ROUTES.items() if known == template}
                if "GET" in rows and template not in WEBSOCKETS:  # a stream has no end whose size could be told
                    rows["HEAD"] = rows["GET"]
            return {method: Route(template, action, session) for method, action in rows.items()}
    return {}
