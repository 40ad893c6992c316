"""Who may do what, row by row."""

from __future__ import annotations

import pytest

from supervisor.core import access
from supervisor.core.access import (
    ANONYMOUS,
    MESSAGES,
    OWNER,
    PAGE_FILES,
    PAGES,
    ROUTES,
    SESSION,
    WEBSOCKETS,
    Action,
    Principal,
)
from workers.errors import Refused

AGENT = Principal("agent", "session_own")
WORKER = Principal("worker", "session_own", generation=2)
WORKERS = {("GET", SESSION + "/worker"), ("POST", SESSION + "/worker/events")}
OWN_ONLY = {"", "/stream", "/events", "/terminal", "/diff", "/files"}


def path_of(template: str, session: str) -> str:
    return template.replace("{id}", session).replace("{sha256}", "0" * 64)


def code(principal: Principal, method: str, path: str, websocket: bool = False) -> str | None:
    try:
        access.route(principal, method, path, websocket)
    except Refused as refused:
        return refused.code
    return None


@pytest.mark.parametrize(("method", "template"), ROUTES)
def test_the_owner_goes_everywhere_but_where_only_a_worker_speaks(method: str, template: str) -> None:
    if (method, template) in WORKERS:
        assert code(OWNER, method, path_of(template, "session_a")) == "not_allowed"
        return
    found = access.route(OWNER, method, path_of(template, "session_a"))
    assert found.template == template
    assert found.action is ROUTES[method, template]
    assert found.session == ("session_a" if template.startswith(SESSION) else None)


@pytest.mark.parametrize(("method", "template"), ROUTES)
def test_a_device_goes_where_its_owner_does_and_only_that_of_a_script_reads_figures(method: str, template: str) -> None:
    path = path_of(template, "session_a")
    for kind in ("browser", "cli", None):
        device = Principal("owner", device="device_a", device_kind=kind)
        assert code(device, method, path) == ("not_allowed" if path == "/metrics" else code(OWNER, method, path))
    machine = Principal("owner", device="device_a", device_kind="machine")
    assert code(machine, method, path) == code(OWNER, method, path)


def test_who_may_not_read_the_figures_is_told_who_may() -> None:
    with pytest.raises(Refused, match="from this device") as caught:
        access.route(Principal("owner", device="device_a", device_kind="cli"), "GET", "/metrics")
    assert caught.value.hint == "ask on the box's own socket, or with the key of a machine device"


# What needs no sign-in: it proves itself by what it says.
FOR_ANYBODY = {
    ("GET", "/healthz"),
    ("POST", "/v1/pairings/claim"),
    ("POST", "/v1/pairings/{id}/open"),
    ("GET", "/v1/pairings/{id}"),
    ("POST", "/v1/tokens"),
    ("POST", "/v1/tickets"),
}


@pytest.mark.parametrize(("method", "template"), ROUTES)
def test_nobody_gets_anywhere_but_to_the_health_check_the_page_and_the_door(method: str, template: str) -> None:
    is_open = (method, template) in FOR_ANYBODY or template in PAGES + PAGE_FILES
    expected = None if is_open else "unauthenticated"
    assert code(ANONYMOUS, method, path_of(template, "session_a")) == expected


@pytest.mark.parametrize(("method", "template"), ROUTES)
def test_a_program_inside_a_session_looks_at_its_own_and_nothing_else(method: str, template: str) -> None:
    always = method == "GET" and template in {"/healthz", "/readyz", "/v1/box"}
    own = method == "GET" and template.startswith(SESSION) and template.removeprefix(SESSION) in OWN_ONLY
    assert code(AGENT, method, path_of(template, "session_own")) == (None if always or own else "not_allowed")
    assert code(AGENT, method, path_of(template, "session_other")) == (None if always else "not_allowed")


@pytest.mark.parametrize(("method", "template"), ROUTES)
def test_a_worker_goes_where_its_own_session_wants_it_and_nowhere_else(method: str, template: str) -> None:
    always, own = template == "/healthz", (method, template) in WORKERS
    assert code(WORKER, method, path_of(template, "session_own")) == (None if always or own else "not_allowed")
    assert code(WORKER, method, path_of(template, "session_other")) == (None if always else "not_allowed")
    with pytest.raises(Refused, match="a worker's token is good for"):
        access.route(WORKER, "GET", "/nothing")


@pytest.mark.parametrize("template", [template for method, template in ROUTES if method == "GET"])
@pytest.mark.parametrize("principal", [OWNER, AGENT, ANONYMOUS])
def test_head_is_decided_like_get_and_a_stream_has_none(principal: Principal, template: str) -> None:
    for session in ("session_own", "session_other"):
        path = path_of(template, session)
        if template in WEBSOCKETS and template != SESSION + "/worker" and principal == OWNER:
            assert code(principal, "HEAD", path) == "method_not_allowed"
        elif template not in WEBSOCKETS:
            assert code(principal, "HEAD", path) == code(principal, "GET", path)
    assert code(principal, "HEAD", path, websocket=True) is not None


@pytest.mark.parametrize("template", WEBSOCKETS)
def test_websockets_are_decided_by_the_same_table(template: str) -> None:
    people = "not_allowed" if template == SESSION + "/worker" else None
    assert code(OWNER, "GET", path_of(template, "session_a"), websocket=True) == people
    assert code(ANONYMOUS, "GET", path_of(template, "session_a"), websocket=True) == "unauthenticated"
    own = None if template == SESSION + "/stream" else "not_allowed"
    assert code(AGENT, "GET", path_of(template, "session_own"), websocket=True) == own
    assert code(AGENT, "GET", path_of(template, "session_other"), websocket=True) == "not_allowed"


@pytest.mark.parametrize("kind", MESSAGES)
def test_messages_are_decided_by_the_same_table(kind: str) -> None:
    access.check_message(OWNER, kind, "session_own")
    if MESSAGES[kind] is Action.LOOK:
        access.check_message(AGENT, kind, "session_own")
        return
    with pytest.raises(Refused, match="nothing else") as caught:
        access.check_message(AGENT, kind, "session_own")
    assert caught.value.code == "not_allowed"
    assert caught.value.hint == "run it in a terminal outside every session"


def test_an_unknown_message_is_invalid_for_everybody() -> None:
    with pytest.raises(Refused) as caught:
        access.check_message(AGENT, "set_mode", "session_own")
    assert caught.value.code == "invalid"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/v1",
        "/v1/box/",
        "//v1/box",
        "/healthz\n",
        "/openapiXjson",
        SESSION,
        f"{SESSION}/a/b",
        "*",
        "",
        "/../healthz",
    ],
)
def test_a_path_without_a_row_is_not_found(path: str) -> None:
    expected = None if path == SESSION else "not_found"
    assert code(OWNER, "GET", path) == expected
    assert code(ANONYMOUS, "GET", path) == "unauthenticated"
    assert code(AGENT, "GET", path) == "not_allowed"


def test_a_plain_path_takes_no_websocket() -> None:
    assert code(OWNER, "GET", "/v1/box", websocket=True) == "not_found"


def test_the_wrong_method_names_the_right_ones() -> None:
    with pytest.raises(Refused) as caught:
        access.route(OWNER, "DELETE", "/v1/box")
    assert caught.value.code == "method_not_allowed"
    assert caught.value.fields == {"allow": ["GET", "HEAD", "PATCH"]}
    assert code(ANONYMOUS, "POST", "/healthz") == "method_not_allowed"


def test_nobody_learns_what_others_may_do_with_a_path() -> None:
    assert code(ANONYMOUS, "DELETE", "/v1/pairings/pairing_a") == "unauthenticated"
    with pytest.raises(Refused) as caught:
        access.route(ANONYMOUS, "PUT", "/v1/pairings/pairing_a")
    assert caught.value.fields == {"allow": ["GET", "HEAD"]}


def test_a_word_of_a_path_is_not_taken_for_an_id() -> None:
    assert code(ANONYMOUS, "POST", "/v1/pairings/claim") is None
    for principal in (OWNER, ANONYMOUS):
        assert code(principal, "GET", "/v1/pairings/claim") == "method_not_allowed"


def test_a_path_tells_of_which_session_its_websocket_is() -> None:
    found = access.websocket_at("/v1/code/sessions/session_a/stream")
    assert found is not None and (found.template, found.session) == (SESSION + "/stream", "session_a")
    assert access.websocket_at("/v1/stream") is not None
    assert access.websocket_at("/v1/box") is None


def test_what_nobody_may_do_is_refused_to_people_too() -> None:
    with pytest.raises(Refused) as caught:
        access.check(ANONYMOUS, Action.CREATE)
    assert caught.value.code == "not_allowed"


def test_every_action_has_a_verdict_for_every_kind_of_principal() -> None:
    for kind, verdicts in access.VERDICTS.items():
        assert set(verdicts) == set(Action), kind


def test_a_principal_tells_who_it_is() -> None:
    assert OWNER.you() == {"person": "owner", "role": "admin", "device": None}
    assert AGENT.you() == {"person": None, "role": "agent", "device": None, "session": "session_own"}
    assert OWNER.by() == {"person": "owner", "device": None}
    assert AGENT.by() == {"person": None, "device": None}
    assert OWNER.role_in("session_own") == "owner"
    assert AGENT.role_in("session_own") == "viewer"


def test_documents_of_the_page_are_told_from_all_else() -> None:
    assert all(map(access.is_page, ("/", "/pair", "/code/session_a")))
    assert not any(map(access.is_page, ("", "/v1/box", "/healthz", "/code/", "/code/a/b", "/pair/x")))
