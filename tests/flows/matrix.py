"""What each route and message of the box is to whoever may ask: the table that the box is held against.

It is written by hand, and knows nothing of the box's own tables but their keys: a route without a row here fails the
tests, and so does a row without a route.
"""

from __future__ import annotations

from supervisor.core.access import SESSION, SESSIONS

# Kinds of routes. What is `proven` needs no sign-in before, but a proof by a device's key in the request itself; so
# does who would `wait` for the end of a pairing, unless it is a person of the box.
OPEN, PAGE, CLAIM, WAIT, PROVEN = "open", "page", "claim", "wait", "proven"
BOX, LOOK, PEOPLE, WORKER, FIGURES = "box", "look", "people", "worker", "figures"

ROUTES: dict[tuple[str, str], str] = {
    ("GET", "/healthz"): OPEN,
    ("GET", "/readyz"): BOX,
    ("GET", "/metrics"): FIGURES,
    ("GET", "/openapi.json"): PEOPLE,
    ("GET", "/v1/box"): BOX,
    ("PATCH", "/v1/box"): PEOPLE,
    ("GET", "/v1/stream"): PEOPLE,
    ("GET", "/v1/projects"): PEOPLE,
    ("POST", "/v1/projects"): PEOPLE,
    ("DELETE", "/v1/projects/{id}"): PEOPLE,
    ("GET", "/v1/df"): PEOPLE,
    ("GET", "/v1/trash"): PEOPLE,
    ("POST", "/v1/prune"): PEOPLE,
    ("POST", "/v1/shutdown"): PEOPLE,
    ("POST", "/v1/pairings"): PEOPLE,
    ("GET", "/v1/pairings"): PEOPLE,
    ("POST", "/v1/pairings/claim"): CLAIM,
    ("GET", "/v1/pairings/{id}"): WAIT,
    ("DELETE", "/v1/pairings/{id}"): PEOPLE,
    ("POST", "/v1/pairings/{id}/open"): CLAIM,
    ("POST", "/v1/pairings/{id}/accept"): PEOPLE,
    ("POST", "/v1/tokens"): PROVEN,
    ("POST", "/v1/tickets"): PROVEN,
    ("GET", "/v1/devices"): PEOPLE,
    ("POST", "/v1/devices"): PEOPLE,
    ("DELETE", "/v1/devices/{id}"): PEOPLE,
    ("GET", SESSIONS): PEOPLE,
    ("POST", SESSIONS): PEOPLE,
    ("GET", SESSION): LOOK,
    ("PATCH", SESSION): PEOPLE,
    ("DELETE", SESSION): PEOPLE,
    ("GET", SESSION + "/stream"): LOOK,
    ("GET", SESSION + "/events"): LOOK,
    ("GET", SESSION + "/terminal"): LOOK,
    ("GET", SESSION + "/blobs/{sha256}"): PEOPLE,
    ("POST", SESSION + "/commands"): PEOPLE,
    ("POST", SESSION + "/stop"): PEOPLE,
    ("POST", SESSION + "/suspend"): PEOPLE,
    ("POST", SESSION + "/resume"): PEOPLE,
    ("POST", SESSION + "/archive"): PEOPLE,
    ("POST", SESSION + "/restore"): PEOPLE,
    ("GET", SESSION + "/diff"): LOOK,
    ("GET", SESSION + "/files"): LOOK,
    ("PUT", SESSION + "/files"): PEOPLE,
    ("PUT", SESSION + "/uploads/{name}"): PEOPLE,
    ("POST", SESSION + "/exec"): PEOPLE,
    ("POST", SESSION + "/bridge"): PEOPLE,
    ("GET", SESSION + "/worker"): WORKER,
    ("POST", SESSION + "/worker/events"): WORKER,
    ("GET", "/"): PAGE,
    ("GET", "/pair"): PAGE,
    ("GET", "/new"): PAGE,
    ("GET", "/devices"): PAGE,
    ("GET", "/settings"): PAGE,
    ("GET", "/code/{id}"): PAGE,
    ("GET", "/assets/{name}"): PAGE,
    ("GET", "/icons/{name}"): PAGE,
    ("GET", "/offline.js"): PAGE,
    ("GET", "/manifest.webmanifest"): PAGE,
}

WEBSOCKETS: dict[str, str] = {
    "/v1/stream": PEOPLE,
    SESSION + "/stream": LOOK,
    SESSION + "/exec": PEOPLE,
    SESSION + "/worker": WORKER,
}

# Each message with one that would do something, were it allowed.
MESSAGES: dict[str, tuple[str, object]] = {
    "prompt": (PEOPLE, {"kind": "prompt", "text": "x"}),
    "interrupt": (PEOPLE, {"kind": "interrupt"}),
    "cancel_message": (PEOPLE, {"kind": "cancel_message", "message_id": "0b9c7c9e-58a3-4f6c-8d8f-1f2e3d4c5b6a"}),
    "resize": (PEOPLE, {"kind": "resize", "rows": 30, "columns": 90}),
    "signal": (PEOPLE, {"kind": "signal", "name": "WINCH"}),
    "take_lease": (PEOPLE, {"kind": "take_lease"}),
    "release_lease": (PEOPLE, {"kind": "release_lease"}),
    "keys": (PEOPLE, "keys"),
    "credit": (LOOK, {"type": "credit", "terminal_offset": 0}),
    "ping": (LOOK, {"type": "ping", "id": "p"}),
}

IN = "in"  # past every question of who asks: what follows is about what was asked
NO, WHO, STALE = "not_allowed", "unauthenticated", "stale_generation"

# Who asks by TCP, as far as HTTP goes. `a wrong` one is one that does not hold, whatever is wrong with it: nobody who
# tries to sign in that way is taken for somebody who has not tried.
IN_PUBLIC = dict.fromkeys((OPEN, PAGE, CLAIM), IN)
ANONYMOUS = {**IN_PUBLIC, **dict.fromkeys((WAIT, PROVEN, BOX, LOOK, PEOPLE, WORKER, FIGURES), WHO)}
WRONG = dict.fromkeys(ANONYMOUS, WHO)
MACHINE = {**dict.fromkeys(ANONYMOUS, IN), WORKER: NO}
DEVICE = {**MACHINE, FIGURES: NO}
# On the box's own socket there is no device to prove.
OWNER = {**MACHINE, PROVEN: WHO}
AGENT_OF_IT = {**dict.fromkeys(ANONYMOUS, NO), **dict.fromkeys((OPEN, BOX, LOOK), IN)}
AGENT_OF_ANOTHER = {**AGENT_OF_IT, LOOK: NO}
# Its token is good on both sockets, and on either for nothing else.
WORKER_OF_IT = {**dict.fromkeys(ANONYMOUS, NO), OPEN: IN, WORKER: IN}

EXPECTED: dict[str, dict[str, str]] = {
    "anonymous": ANONYMOUS,
    "bad token": WRONG,
    "expired token": WRONG,
    "revoked device": WRONG,
    "replayed proof": WRONG,
    "other device's token": WRONG,
    "wrong session's ticket": WRONG,
    "used ticket": WRONG,
    "agent of the session": AGENT_OF_IT,
    "agent of another session": AGENT_OF_ANOTHER,
    "worker": WORKER_OF_IT,
    "worker of another session": {**WORKER_OF_IT, WORKER: NO},
    "worker of an older generation": {**WORKER_OF_IT, WORKER: STALE},
    "worker whose token has expired": WRONG,
    "device": DEVICE,
    "machine": MACHINE,
    "owner": OWNER,
}
