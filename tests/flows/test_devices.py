"""Devices of a whole box: paired, let in by token and ticket, and locked out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flows.boxprocess import BoxProcess, box_process
from tests.flows.paired import PairedDevice


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoxProcess]:
    home, project = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("app")
    with box_process(home, project) as box:
        yield box.start("--no-create-session-in-dir")


@pytest.fixture
def url(box: BoxProcess) -> str:
    url: str = box.ready["urls"][0]
    return url


@pytest.mark.parametrize("kind", ["P-256", "Ed25519"])
def test_a_paired_device_acts_as_the_owner_until_it_is_revoked(box: BoxProcess, url: str, kind: str) -> None:
    device = PairedDevice.pair(url, box.call, kind, label="Ana's phone")
    assert device.request("GET", "/v1/box").json["you"] == {"person": "owner", "role": "admin", "device": device.id}
    (shown,) = (each for each in device.request("GET", "/v1/devices").json["devices"] if each["current"])
    assert (shown["id"], shown["label"], shown["kind"]) == (
        device.id,
        "Ana's phone",
        "browser" if kind == "P-256" else "cli",
    )
    with device.stream() as stream:
        assert stream.hear("hello")["box"]["you"]["device"] == device.id
        assert b"ticket" not in stream.head
        assert box.call("DELETE", f"/v1/devices/{device.id}")[0] == 200
        with pytest.raises(ConnectionError):
            stream.until(lambda: False)
        assert (stream.closed, stream.messages[-1]) == (4401, {"type": "bye", "reason": "revoked", "retry": False})
    for token in (device.token, None):
        answer = device.prove("GET" if token else "POST", "/v1/box" if token else "/v1/tokens", None, token)
        assert (answer.status, answer.code) == (401, "unauthenticated")
