"""Devices that may come in, and those that may no longer."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from supervisor.cli.devices import choose
from tests.flows.paired import PairedDevice, b64u
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.cli.oddbox import OddBox
from tests.supervisor.web.boxes import ServedBox
from workers.errors import Refused

PHONE = {"id": "device_0b9c1111-1111-4111-8111-111111111111", "label": "phone"}
OLD_PHONE = {"id": "device_0b9d2222-1111-4111-8111-111111111111", "label": "phone of old"}
LAPTOP = {"id": "device_7777aaaa-1111-4111-8111-111111111111", "label": "Ana's laptop"}
ALL: list[dict[str, Any]] = [PHONE, OLD_PHONE, LAPTOP]


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        (PHONE["id"], PHONE),
        ("phone", PHONE),
        ("phone of", OLD_PHONE),
        ("Ana", LAPTOP),
        ("0b9d", OLD_PHONE),
        ("device_7777", LAPTOP),
    ],
)
def test_a_device_is_meant_by_its_id_its_label_or_the_beginning_of_one(wanted: str, meant: dict[str, Any]) -> None:
    assert choose(wanted, ALL) == meant


@pytest.mark.parametrize("wanted", ["pho", "device_0b9", "", "device_", "laptop"])
def test_a_word_that_means_several_or_none_is_refused(wanted: str) -> None:
    with pytest.raises(Refused) as caught:
        choose(wanted, ALL)
    assert (caught.value.code, caught.value.fields.get("exit")) == (
        ("invalid", 2) if wanted == "pho" else ("not_found", None)
    )


def test_devices_are_listed_with_their_last_use_and_shut_out(rc: Rc, box: ServedBox) -> None:
    def owner(method: str, path: str, body: object = None) -> tuple[int, Any]:
        answer = box.ask(method, path, body)
        return answer.status, answer.json

    for left in box.ask("GET", "/v1/devices").json["devices"]:  # by whoever shared the box before
        box.ask("DELETE", f"/v1/devices/{left['id']}")
    url = box.ask("GET", "/v1/box").json["urls"][0]
    device = PairedDevice.machine(url, owner)
    idle = owner("POST", "/v1/devices", {"kind": "machine", "public_key": _key(), "label": "idle\u00e9"})[1]
    device.sign_in()
    lines = rc("devices").out.splitlines()
    assert lines[0].split() == ["DEVICE", "KIND", "WHO", "PAIRED", "LAST", "USED", "ID"]
    shown = [line.split() for line in lines[1:]]
    assert [words[-2:] for words in shown] == [["ago", device.id], ["never", idle["id"]]]
    assert [words[0] for words in shown] == ["a", "idle\u00e9"]
    assert [each["id"] for each in rc("devices", "--json").json["devices"]] == [device.id, idle["id"]]
    friend = device.request(
        "POST", "/v1/devices", {"kind": "machine", "public_key": _key(), "label": "its friend"}
    ).json
    revoked = rc("revoke", "a script")
    assert revoked.out == f"a script is shut out: {device.id}\n"
    assert revoked.err == f"rc: it had let in its friend, which still may come in; rc revoke {friend['id']}\n"
    assert rc("revoke", "its friend").err == ""
    assert device.prove("POST", "/v1/tokens").status == 401
    assert rc("revoke", "a script").code == 3
    assert rc("revoke", idle["id"], "--json").json["id"] == idle["id"]
    assert "no device is paired" in rc("devices").err


def _key() -> str:
    return b64u(secrets.token_bytes(32))


def test_the_device_that_asks_is_marked(odd: OddBox, odd_rc: Rc) -> None:
    at = "2026-01-01T00:00:00.000Z"
    device = {**PHONE, "kind": "cli", "person": "owner", "created_at": at, "last_used_at": None, "current": True}
    other = {**device, "id": LAPTOP["id"], "current": False, "last_used_at": at, "lines": 2}
    odd.answer("GET", "/v1/devices", {"devices": [device, other]})
    lines = odd_rc("devices").out.splitlines()
    assert lines[1].startswith("phone (this one)  cli") and lines[2].startswith("phone   ")
    assert lines[1].split()[-2:] == ["never", PHONE["id"]] and lines[2].split()[-3:] == ["ago", "now", LAPTOP["id"]]
    called = odd_rc("revoke", "phone", "--json")
    assert called.code == 2
    assert json.loads(called.err)["devices"] == [PHONE["id"], LAPTOP["id"]]
