"""Devices paired by somebody who sits at the box: on the status screen, in rc top, and by rc pair."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.boxprocess import RC, BoxProcess, box_process
from tests.flows.paired import Claimant, PairedDevice
from tests.flows.terminal import Terminal, on_terminal
from tests.waiting import until

LINK = re.compile(r"(https?://[^/]+)/pair#([\w-]{43})\.")
QR = "\u2580\u2580\u2580\u2580\u2580"  # the upper edge of a code's corner
PUBLIC = "https://box.example"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BoxProcess]:
    (tmp_path / "app").mkdir()
    with box_process(tmp_path, tmp_path / "app") as box:
        yield box


def claimed(box: BoxProcess, terminal: Terminal, label: str) -> Claimant:
    """A device that has opened the link on the screen, and shows its number."""
    url = box.call("GET", "/v1/box")[1]["urls"][-1]
    links = LINK.findall(terminal.text)
    claimant = Claimant(url)
    assert claimant.claim(secret=links[-1][1]).status == 200
    assert claimant.open(label).status == 200
    terminal.until(f"{label} (127.0.0.1) wants in.")
    return claimant


def wrong(number: str) -> bytes:
    return f"{(int(number) + 1) % 10**6:06}".encode()


def device_of(claimant: Claimant) -> PairedDevice:
    """What has become of it."""
    told = claimant.wait().json
    assert told["state"] == "accepted"
    return PairedDevice(claimant.url, claimant.key, told["device"])


def test_a_first_device_is_let_in_on_the_screen_works_and_is_shut_out(box: BoxProcess) -> None:
    with box.start_on_terminal("--no-create-session-in-dir") as terminal:
        terminal.until("or type the code ")
        assert QR not in terminal.text, "only this machine gets there"
        claimant = claimed(box, terminal, "Ana's phone")
        secret = LINK.findall(terminal.text)[-1][1]
        assert Claimant(claimant.url).claim(secret=secret).code == "already_claimed"
        terminal.until("Another device tried the same link or code: 127.0.0.1")
        terminal.type(wrong(claimant.number))
        terminal.until("2 of 3 tries left")
        terminal.type(claimant.number.encode())
        terminal.until("Ana's phone is paired")
        device = device_of(claimant)
        assert device.request("GET", "/v1/box").json["you"]["device"] == device.id
        assert "Ana's phone" in box.rc("devices").out
        assert box.rc("revoke", "Ana's phone").code == 0
        assert device.prove("POST", "/v1/tokens").status == 401
        terminal.type(b"q")
        assert terminal.wait() == 0


def test_a_qr_is_shown_at_once_where_others_get_there_and_three_wrong_numbers_end_it(box: BoxProcess) -> None:
    arguments = ("--no-create-session-in-dir", "--public-url", PUBLIC)
    with box.start_on_terminal(*arguments, shows="Pair a device with") as terminal:
        terminal.until(QR)
        assert PUBLIC + "/pair#" in terminal.text.replace("\r\n", "")
        until(lambda: box.rc("status").code == 0)
        code = re.findall(r"Code (\w{4}-\w{4})", terminal.text)[-1]
        claimant = Claimant(box.call("GET", "/v1/box")[1]["urls"][-1])
        assert claimant.claim(code=code).status == 200
        assert claimant.open("a stranger").status == 200
        terminal.until("a stranger")
        terminal.type(wrong(claimant.number) * 3)
        terminal.until("a stranger was not let in")
        assert claimant.wait().json["state"] == "refused"
        terminal.until("Capacity: ")
        assert box.call("GET", "/v1/devices")[1]["devices"] == []
        terminal.type(b"q")
        assert terminal.wait() == 0


def test_top_pairs_a_device_too_and_takes_its_link_back_when_it_is_left(box: BoxProcess) -> None:
    box.start("--no-create-session-in-dir")
    with on_terminal([*RC, "top"], box.project, box.environment) as terminal:
        terminal.until("Capacity: ")
        terminal.type(b" ")
        terminal.until("Waiting for the device")
        claimant = claimed(box, terminal, "phone")
        terminal.type(claimant.number.encode())
        terminal.until("phone is paired")
        assert device_of(claimant).request("GET", "/v1/box").status == 200
        terminal.forget()
        terminal.type(b" ")
        terminal.until("Waiting for the device")
        terminal.type(b"q")
        assert terminal.wait() == 0
    states = [pairing["state"] for pairing in box.call("GET", "/v1/pairings")[1]["pairings"]]
    assert states == ["accepted", "refused"]


def test_pair_takes_the_number_on_its_terminal_and_control_c_calls_it_off(box: BoxProcess) -> None:
    box.start("--no-create-session-in-dir")
    with on_terminal([*RC, "pair"], box.project, box.environment) as terminal:
        terminal.until("Waiting for the device")
        claimant = claimed(box, terminal, "phone")
        terminal.type(wrong(claimant.number) + b"\n")
        terminal.until("2 tries left")
        terminal.type(claimant.number.encode() + b"\n")
        assert terminal.wait() == 0
        assert f"phone is paired: {device_of(claimant).id}" in terminal.text
    with on_terminal([*RC, "pair"], box.project, box.environment) as terminal:
        terminal.until("Waiting for the device")
        terminal.type(b"\x03")
        assert terminal.wait() == 130
    assert box.call("GET", "/v1/pairings")[1]["pairings"][-1]["state"] == "refused"


def test_an_agent_pairs_nobody(box: BoxProcess) -> None:
    box.start("--no-create-session-in-dir")
    pair, result = " ".join([*RC, "pair", "--json"]), box.project / "result"
    box.new("sh", "-c", f"{pair} 2>{result}; echo $? >>{result}; exec cat")
    until(lambda: result.exists() and result.read_text().endswith("4\n"))
    assert "not_allowed" in result.read_text()
