"""Tokens, tickets and devices over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading

import pytest

from tests.flows.paired import Key, PairedDevice, open_stream, send
from tests.supervisor.web.boxes import ServedBox


@pytest.fixture(scope="module")
def url(box: ServedBox) -> str:
    url: str = box.ask("GET", "/v1/box").json["urls"][0]
    return url


def machine(box: ServedBox, url: str) -> PairedDevice:
    key = Key("Ed25519")
    answer = box.ask("POST", "/v1/devices", {"kind": "machine", "public_key": key.text, "label": "a script"})
    assert answer.status == 201
    return PairedDevice(url, key, answer.json["id"])


def test_a_proof_by_the_key_alone_gives_ticket_and_token(box: ServedBox, url: str) -> None:
    device = machine(box, url)
    given = device.prove("POST", "/v1/tickets").json
    assert set(given) == {"ticket", "access_token", "expires_in"} and given["expires_in"] == 600
    device.token = given["access_token"]
    assert device.request("GET", "/v1/df").status == 200
    with device.stream(ticket=given["ticket"]) as stream:
        assert stream.status == 101
    by_token = device.request("POST", "/v1/tickets", {}).json
    with device.stream(ticket=by_token["ticket"]) as stream:
        assert stream.status == 101


def test_a_token_or_a_proof_gives_a_token(box: ServedBox, url: str) -> None:
    device = machine(box, url)
    first = device.sign_in()
    answer = device.request("POST", "/v1/tokens")
    assert (answer.status, answer.json["expires_in"]) == (200, 600)
    assert answer.json["access_token"] != first


def test_on_the_boxs_own_socket_there_is_no_device_to_give_one_to(box: ServedBox, url: str) -> None:
    for path in ("/v1/tokens", "/v1/tickets"):
        assert box.ask("POST", path, {}).code == "unauthenticated"
        assert send(url, "POST", path, {}).code == "unauthenticated"


def test_a_ticket_of_one_session_opens_no_other_and_opens_once(box: ServedBox, url: str) -> None:
    device = machine(box, url)
    one, other = box.new(command=["cat"])["id"], box.new(command=["cat"])["id"]
    path = f"/v1/code/sessions/{one}/stream"
    ticket = device.ticket(one)
    for where, offered in (
        (f"/v1/code/sessions/{other}/stream", ticket),
        (path, ticket),  # it was tried elsewhere
        ("/v1/stream", device.ticket(one)),
        (path, device.ticket()),
        (path, "made-up"),
        (path, None),
    ):
        with open_stream(url, where, offered) as stream:
            assert stream.status == 401, where
            assert offered is None or offered.encode() not in stream.head
            assert b"dpop-nonce" in stream.head.lower()
    good = device.ticket(one)
    with open_stream(url, path, good) as stream:
        assert stream.status == 101 and good.encode() not in stream.head
        assert stream.hear("hello")["session"]["id"] == one
    with open_stream(url, path, good) as stream:
        assert stream.status == 401
    assert device.prove("POST", "/v1/tickets", {"session": "session_x"}).code == "unknown_session"
    assert send(url, "POST", "/v1/tickets", {"session": one}).code == "unauthenticated"


def test_a_ticket_of_a_page_is_of_use_to_that_page_only(box: ServedBox, url: str) -> None:
    device = machine(box, url)
    for asked, opened, status in ((url, url, 101), (url, None, 401), (None, url, 401), (None, None, 101)):
        ticket = device.ticket(**({"origin": asked} if asked else {}))
        with open_stream(url, "/v1/stream", ticket, **({"origin": opened} if opened else {})) as stream:
            assert stream.status == status, (asked, opened)


def test_a_program_runs_for_the_device_that_asked(box: ServedBox, url: str) -> None:
    device, other = machine(box, url), machine(box, url)
    path = f"/v1/code/sessions/{box.new(command=['cat'])['id']}/exec"

    def ticket() -> str:
        value: str = device.request("POST", path, {"command": ["echo", "hi"]}).json["ticket"]
        return value

    good = ticket()
    with open_stream(url, path, good) as stream:
        assert stream.hear("exit")["code"] == 0
    for offered in (good, device.ticket(), box.ask("POST", path, {"command": ["true"]}).json["ticket"]):
        with open_stream(url, path, offered) as stream:
            assert stream.status == 401
    late = ticket()
    assert other.request("DELETE", f"/v1/devices/{device.id}").status == 200
    with open_stream(url, path, late) as stream:
        assert stream.status == 401


def test_devices_are_listed_and_know_themselves(box: ServedBox, url: str) -> None:
    device = machine(box, url)
    shown = {each["id"]: each for each in device.request("GET", "/v1/devices").json["devices"]}
    assert [id for id, each in shown.items() if each["current"]] == [device.id]
    assert shown[device.id]["kind"] == "machine" and shown[device.id]["last_used_at"] is not None
    assert not any(each["current"] for each in box.ask("GET", "/v1/devices").json["devices"])


def test_what_a_device_makes_says_so(box: ServedBox, url: str) -> None:
    device = machine(box, url)
    made = device.request("POST", "/v1/code/sessions", {"command": ["cat"]})
    assert made.json["created_by"] == {"person": "owner", "device": device.id}
    key = Key()
    other = device.request("POST", "/v1/devices", {"kind": "machine", "public_key": key.text, "label": "x"})
    assert other.json["created_by"] == {"person": "owner", "device": device.id}


@pytest.mark.parametrize(
    "changes",
    [{"kind": "browser"}, {"public_key": "A" * 43 + "="}, {"public_key": "B" * 87}, {"label": " "}, {"role": "admin"}],
)
def test_a_machine_that_does_not_fit_is_invalid(box: ServedBox, changes: dict[str, str]) -> None:
    body = {"kind": "machine", "public_key": Key("Ed25519").text, "label": "x", **changes}
    assert box.ask("POST", "/v1/devices", body).code == "invalid"


def test_a_key_belongs_to_one_device(box: ServedBox, url: str) -> None:
    device = machine(box, url)
    body = {"kind": "machine", "public_key": device.key.text, "label": "y"}
    answer = box.ask("POST", "/v1/devices", body)
    assert (answer.status, answer.code) == (409, "already_claimed")


def test_a_revoked_device_has_nothing_any_more(box: ServedBox, url: str) -> None:
    device = machine(box, url)
    token, ticket = device.sign_in(), device.ticket()
    answer = box.ask("DELETE", f"/v1/devices/{device.id}")
    assert (answer.status, answer.json["id"]) == (200, device.id)
    assert device.prove("GET", "/v1/box", None, token).code == "unauthenticated"
    assert device.prove("POST", "/v1/tokens").code == "unauthenticated"
    with open_stream(url, "/v1/stream", ticket) as stream:
        assert stream.status == 401
    assert box.ask("DELETE", f"/v1/devices/{device.id}").code == "not_found"


def test_a_device_may_revoke_itself(box: ServedBox, url: str) -> None:
    device = machine(box, url)
    assert device.request("DELETE", f"/v1/devices/{device.id}").status == 200
    assert device.prove("POST", "/v1/tokens").code == "unauthenticated"


def test_requests_at_one_instant_are_no_replays_of_one_another(box: ServedBox, url: str) -> None:
    device = machine(box, url)
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(device_status(device))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [200] * 4


def device_status(device: PairedDevice) -> int:
    """One request by a client of its own."""
    return PairedDevice(device.url, device.key, device.id).request("GET", "/v1/box").status


def test_on_one_connection_each_request_says_anew_who_asks(box: ServedBox, url: str) -> None:
    one, other = machine(box, url), machine(box, url)
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    with contextlib.closing(connection):

        def asks(headers: dict[str, str]) -> object:
            connection.request("GET", "/v1/box", headers=headers)
            answer = connection.getresponse()
            told = json.loads(answer.read())
            return told["you"]["device"] if answer.status == 200 else told["code"]

        def signed(device: PairedDevice) -> dict[str, str]:
            token = device.token or device.sign_in()
            return {
                "authorization": f"DPoP {token}",
                "dpop": device.key.proof("GET", url + "/v1/box", device.nonce, token),
            }

        first = signed(one)
        assert asks(first) == one.id
        line = connection.sock
        assert asks({}) == "unauthenticated"
        assert asks(first) == "unauthenticated"
        assert asks({"authorization": first["authorization"]}) == "unauthenticated"
        assert asks(signed(other)) == other.id
        assert asks({**signed(other), "authorization": first["authorization"]}) == "unauthenticated"
        assert asks(signed(one)) == one.id
        assert connection.sock is line, "all of it was one connection"
