"""Pairing over HTTP: what the new device says by TCP, and the owner at the box."""

from __future__ import annotations

import re
import threading
from typing import Any

import jsonschema_rs
import pytest

from supervisor.web import shapes
from tests.flows.paired import Answer, Claimant, Key, PairedDevice, b64u, send
from tests.supervisor.web.boxes import ServedBox

NUMBERS = ("000000", "000001", "000002", "000003")


@pytest.fixture(scope="module")
def url(box: ServedBox) -> str:
    url: str = box.ask("GET", "/v1/box").json["urls"][0]
    return url


@pytest.fixture
def invited(box: ServedBox) -> Any:
    """A new pairing, as the owner sees it once; it is called off in the end."""
    answer = box.ask("POST", "/v1/pairings")
    assert answer.status == 201
    yield answer.json
    box.ask("DELETE", f"/v1/pairings/{answer.json['id']}")


def secret_of(invited: Any) -> str:
    secret: str = invited["url"].partition("#")[2].partition(".")[0]
    return secret


def wrong_numbers(right: str) -> list[str]:
    return [each for each in NUMBERS if each != right]


def test_an_invitation_has_a_link_and_a_code(box: ServedBox, url: str, invited: Any) -> None:
    assert re.fullmatch(r"pairing_[0-9a-f-]{36}", invited["id"])
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", invited["code"])
    assert re.fullmatch(re.escape(url) + r"/pair#[\w-]{43}\.[\w-]{43}", invited["url"])
    assert invited["urls"] == [invited["url"]]


def test_an_invitation_says_which_link_to_show_and_what_to_do_when_others_cannot_open_it(invited: Any) -> None:
    assert (invited["offer"]["link"], invited["offer"]["for_others"]) == (invited["url"], False)  # it is the loopback
    assert "rc doctor" in invited["offer"]["advice"][0]
    assert jsonschema_rs.is_valid(shapes.INVITATION, invited)


@pytest.mark.parametrize("field", [{"role": "viewer"}, {"person": "ana"}, {"code": "AAAA-AAAA"}])
def test_an_invitation_is_for_the_owner_so_far(box: ServedBox, field: dict[str, str]) -> None:
    assert box.ask("POST", "/v1/pairings", field).code == "invalid"
    assert box.ask("POST", "/v1/pairings", {"role": "admin", "person": "owner"}).status == 201


def test_a_device_that_waits_learns_that_it_is_in(box: ServedBox, url: str, invited: Any) -> None:
    claimant = Claimant(url)
    assert claimant.claim(code=invited["code"]).json["box_key"] == invited["box_key"]
    assert claimant.open().json == {"state": "waiting", "device": None}
    heard: list[Answer] = []
    waiting = threading.Thread(target=lambda: heard.append(claimant.wait()))
    waiting.start()
    answer = box.ask("POST", f"/v1/pairings/{invited['id']}/accept", {"number": claimant.number})
    waiting.join()
    assert (answer.status, answer.json["label"], answer.json["kind"]) == (200, "a test's phone", "browser")
    assert heard[0].json == {"state": "accepted", "device": answer.json["id"]}
    assert "dpop-nonce" in heard[0].headers
    device = PairedDevice(url, claimant.key, answer.json["id"])
    assert device.request("GET", "/v1/box").json["you"]["device"] == device.id


def test_the_owner_sees_how_a_pairing_stands(box: ServedBox, url: str, invited: Any) -> None:
    path = f"/v1/pairings/{invited['id']}"
    fresh = {
        "id": invited["id"],
        "state": "waiting",
        "claimed": None,
        "opened": False,
        "contenders": [],
        "tries_left": 5,
        "device": None,
    }
    shown = box.ask("GET", path).json
    assert {name: shown[name] for name in fresh} == fresh
    assert shown["expires_at"] == invited["expires_at"]
    claimant = Claimant(url)
    claimant.claim(secret=secret_of(invited))
    second = Claimant(url).claim(secret=secret_of(invited))
    assert (second.status, second.code) == (409, "already_claimed")
    claimant.open(label="Ben's laptop")
    shown = box.ask("GET", path).json
    assert shown["claimed"] == {"address": "127.0.0.1", "label": "Ben's laptop"}
    assert (shown["contenders"], shown["opened"], shown["tries_left"]) == (["127.0.0.1"], True, 3)
    assert shown in box.ask("GET", "/v1/pairings").json["pairings"]
    said = box.ask("GET", "/v1/pairings").body.decode()
    for secret in (invited["code"], secret_of(invited), claimant.number):
        assert secret not in said


def test_three_wrong_numbers_end_it(box: ServedBox, url: str, invited: Any) -> None:
    claimant = Claimant(url)
    claimant.claim(secret=secret_of(invited))
    claimant.open()
    path = f"/v1/pairings/{invited['id']}/accept"
    for left, number in zip((2, 1, 0), wrong_numbers(claimant.number), strict=False):
        answer = box.ask("POST", path, {"number": f"{number[:3]} {number[3:]}"})
        assert (answer.code, answer.json["tries_left"]) == ("invalid", left)
    assert box.ask("POST", path, {"number": claimant.number}).code == "invalid_state"
    assert claimant.wait().json["state"] == "refused"


@pytest.mark.parametrize("number", ["", "12345", "1234567", "12345a", "१२३४५६", "-12345", "123456\n"])
def test_a_number_has_six_digits(box: ServedBox, invited: Any, number: str) -> None:
    answer = box.ask("POST", f"/v1/pairings/{invited['id']}/accept", {"number": number})
    assert (answer.code, answer.json.get("field")) == ("invalid", "number")


def test_a_pairing_can_be_called_off(box: ServedBox, url: str, invited: Any) -> None:
    claimant = Claimant(url)
    claimant.claim(secret=secret_of(invited))
    claimant.open()
    assert box.ask("DELETE", f"/v1/pairings/{invited['id']}").json["state"] == "refused"
    assert box.ask("DELETE", f"/v1/pairings/{invited['id']}").json["state"] == "refused"
    assert claimant.wait().json["state"] == "refused"
    assert box.ask("DELETE", "/v1/pairings/pairing_x").code == "not_found"


@pytest.mark.parametrize(
    "changes",
    [
        {"code": None, "secret": None},
        {"code": "AAAA-AAAA", "secret": "A" * 43},
        {"commit": "A" * 42},
        {"commit": "A" * 42 + "B"},
        {"commit": None},
        {"secret": "short"},
        {"code": "!", "secret": None},
    ],
)
def test_a_claim_that_does_not_fit_is_invalid(url: str, changes: dict[str, str | None]) -> None:
    body = {"secret": "A" * 43, "commit": "A" * 43, **changes}
    given = {name: value for name, value in body.items() if value is not None}
    assert send(url, "POST", "/v1/pairings/claim", given).code == "invalid"


@pytest.mark.parametrize(
    "changes",
    [
        {"device_key": "A" * 43 + "A"},
        {"device_key": b64u(b"\x04" + bytes(64))},
        {"nonce_d": "x"},
        {"label": ""},
        {"label": "a\u202eb"},
        {"kind": "machine"},
    ],
)
def test_an_opening_that_does_not_fit_is_invalid_and_ends_nothing(
    url: str, invited: Any, changes: dict[str, str]
) -> None:
    claimant = Claimant(url)
    claimant.claim(secret=secret_of(invited))
    body = {"device_key": claimant.key.text, "nonce_d": b64u(claimant.nonce_d), "label": "x", **changes}
    assert send(url, "POST", f"/v1/pairings/{claimant.id}/open", body).code == "invalid"
    assert claimant.open().status == 200


def test_only_the_device_itself_learns_how_it_went(url: str, invited: Any) -> None:
    claimant = Claimant(url)
    claimant.claim(secret=secret_of(invited))
    assert claimant.wait().code == "unauthenticated"  # it has not opened its commitment
    claimant.open()
    path = f"/v1/pairings/{invited['id']}"
    assert send(url, "GET", path).code == "unauthenticated"
    assert PairedDevice(url, Key(), "").prove("GET", path).code == "unauthenticated"
    assert PairedDevice(url, claimant.key, "").prove("GET", "/v1/pairings/pairing_x").code == "unauthenticated"
    for method, proven in (("HEAD", "GET"), ("GET", "HEAD")):  # a proof is for one method
        proof = claimant.key.proof(proven, url + path, send(url, "GET", "/healthz").headers["dpop-nonce"])
        assert send(url, method, path, None, {"dpop": proof}).status == 401


def test_a_device_that_is_in_learns_so_also_when_its_pairing_is_forgotten(box: ServedBox, url: str) -> None:
    def owner(method: str, path: str, body: object) -> tuple[int, Any]:
        answer = box.ask(method, path, body)
        return answer.status, answer.json

    device = PairedDevice.pair(url, owner)
    answer = device.prove("GET", "/v1/pairings/pairing_x")
    assert (answer.status, answer.json) == (200, {"state": "accepted", "device": device.id})

    answer = device.prove("HEAD", "/v1/pairings/pairing_x")
    assert (answer.status, answer.body) == (200, b"")


def test_nobody_but_the_owner_makes_sees_or_accepts_pairings(url: str, invited: Any) -> None:
    path = f"/v1/pairings/{invited['id']}"
    for method, where, body in (
        ("POST", "/v1/pairings", {}),
        ("GET", "/v1/pairings", None),
        ("DELETE", path, None),
        ("POST", path + "/accept", {"number": "000000"}),
    ):
        assert send(url, method, where, body).code == "unauthenticated", where


def test_no_answer_with_a_secret_is_kept(box: ServedBox) -> None:
    key = {"idempotency-key": "pairing-twice"}
    first, second = (box.ask("POST", "/v1/pairings", {}, key).json for _ in range(2))
    assert first["id"] != second["id"]
    kept = b"".join(path.read_bytes() for path in box.state_dir.glob("box.sqlite*"))
    for secret in (first["code"], first["url"].partition("#")[2]):
        assert secret.encode() not in kept
    for each in (first, second):
        box.ask("DELETE", f"/v1/pairings/{each['id']}")
