"""Pairing this device with a real box."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisor.client import boxes, devicekeys
from tests.flows.people import person
from tests.supervisor.cli.calling import Called, call, environment
from tests.supervisor.web.boxes import ServedBox
from tests.waiting import until


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[None]:
    with environment(HOME=str(tmp_path), RC_BOX=None, RC_STATE_DIR=None):
        yield


@pytest.fixture(autouse=True)
def ended(served: ServedBox) -> Iterator[None]:
    """Nothing is left open at the box, which other modules ask as well."""
    yield
    for pairing in served.ask("GET", "/v1/pairings").json["pairings"]:
        served.ask("DELETE", f"/v1/pairings/{pairing['id']}")


def invite(box: ServedBox) -> dict[str, Any]:
    answer = box.ask("POST", "/v1/pairings", {})
    assert answer.status == 201, answer
    invitation: dict[str, Any] = answer.json
    return invitation


def login(
    box: ServedBox, invitation: dict[str, Any], *words: str, settle: Callable[[str], None] | None = None
) -> Called:
    """`rc login` as a process, and whoever sits at the box and is told the digits."""
    command = [sys.executable, "-m", "supervisor", "login", *words]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        told = process.stderr.readline()
        if digits := re.search(r"--accept ([0-9]{6})", told):
            (settle or (lambda number: accept(box, invitation, number)))(digits[1])
        out, err = process.communicate(timeout=30)
        return Called(process.returncode, out, told + err)


def accept(box: ServedBox, invitation: dict[str, Any], number: str) -> None:
    answer = box.ask("POST", f"/v1/pairings/{invitation['id']}/accept", {"number": number})
    assert answer.status == 200, answer


def test_a_link_pairs_this_device_and_the_box_lets_it_in(box: ServedBox) -> None:
    invitation = invite(box)
    done = login(box, invitation, "--json", "--name", "home", "--label", "Ana's laptop", invitation["url"])
    assert done.code == 0, done
    device = done.json["device"]
    assert done.json == {"box": "home", "url": invitation["url"].partition("/pair")[0], "device": device}
    shown = box.ask("GET", "/v1/devices").json["devices"]
    assert [(each["kind"], each["label"]) for each in shown if each["id"] == device] == [("cli", "Ana's laptop")]
    assert call("--json", "--box", "home", "status").json["you"]["device"] == device
    assert call("--json", "--box", done.json["url"], "ls").code == 0
    assert box.ask("DELETE", f"/v1/devices/{device}").status == 200
    revoked = call("--box", "home", "ls")
    assert revoked.code == 4
    assert "does not know this device" in revoked.err


def test_a_code_is_asked_for_on_a_terminal(box: ServedBox) -> None:
    invitation = invite(box)
    url = invitation["url"].partition("/pair")[0]
    with person("login", url, HOME=os.environ["HOME"]) as ana:
        ana.sees("code that rc pair shows at the box")
        ana.type(invitation["code"].lower() + "\r")
        ana.sees("--accept ")
        accept(box, invitation, ana.sees("\r\n").strip())
        ana.sees("paired with")
        assert ana.leaves() == 0
    name = url.partition("://")[2].replace(":", "-")
    assert boxes.read().by_name[name].url == url
    again = invite(box)
    assert login(box, again, again["url"]).code == 0  # the same box keeps its name
    assert list(boxes.read().by_name) == [name]
    assert call("--box", name, "ls").code == 0


def test_a_wrong_code_is_told_as_that(box: ServedBox) -> None:
    url = invite(box)["url"].partition("/pair")[0]
    with person("login", url, HOME=os.environ["HOME"]) as ana:
        ana.sees("code that rc pair shows at the box")
        ana.type("0000-0000\r")
        ana.sees("rc: no pairing waits for this code")
        assert ana.leaves() == 3


def test_the_link_may_come_on_stdin(box: ServedBox) -> None:
    done = call("login", "-", stdin=b"https://box.example/pair#half\n")
    assert (done.code, "not whole" in done.err) == (2, True)


def test_nobody_is_asked_where_nobody_sits(box: ServedBox) -> None:
    done = call("login", "http://127.0.0.1:1")
    assert (done.code, "the whole link" in done.err) == (2, True)


def test_a_box_that_did_not_make_the_link_gets_no_number(box: ServedBox) -> None:
    invitation = invite(box)
    link = invitation["url"].rpartition(".")[0] + "." + "A" * 43
    done = login(box, invitation, link)
    assert done.code == 4
    assert "is not the box that made this link" in done.err
    assert "--accept" not in done.err
    assert boxes.read() == boxes.Boxes()


def test_a_pairing_that_is_refused_at_the_box_leaves_nothing_here(box: ServedBox) -> None:
    invitation = invite(box)

    def refuse(digits: str) -> None:
        assert box.ask("DELETE", f"/v1/pairings/{invitation['id']}").status == 200

    done = login(box, invitation, "--name", "home", invitation["url"], settle=refuse)
    assert (done.code, "was refused at the box" in done.err) == (4, True)
    assert boxes.read() == boxes.Boxes()
    assert not os.path.exists(devicekeys.path_of("home"))


def test_a_link_opens_once(box: ServedBox) -> None:
    invitation = invite(box)
    assert login(box, invitation, invitation["url"]).code == 0
    assert login(box, invitation, invitation["url"]).code == 4


def test_a_key_of_the_ssh_agent_pairs_too_and_never_comes_here(box: ServedBox, tmp_path: Path) -> None:
    path, key = str(tmp_path / "agent"), str(tmp_path / "key")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    try:
        until(lambda: os.path.exists(path))
        with environment(SSH_AUTH_SOCK=path):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
            subprocess.run(["ssh-add", "-q", key], check=True, stderr=subprocess.DEVNULL)
            invitation = invite(box)
            done = login(box, invitation, "--name", "home", "--ssh-agent", f"{key}.pub", invitation["url"])
            assert done.code == 0, done
            assert call("--box", "home", "ls").code == 0
            assert not os.path.exists(devicekeys.path_of("home"))
            subprocess.run(["ssh-add", "-q", "-D"], check=True, stderr=subprocess.DEVNULL)
            without = call("--box", "home", "ls")
            assert (without.code, "does not sign" in without.err) == (4, True)
    finally:
        agent.terminate()
        agent.wait()


def test_many_verbs_at_once_need_one_token(box: ServedBox) -> None:
    invitation = invite(box)
    assert login(box, invitation, "--name", "home", invitation["url"]).code == 0
    names = [box.new(command=["sleep", "100"])["name"] for _ in range(12)]
    assert call("--box", "home", "stop", *names).code == 0
    assert threading.active_count() < 20


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("http://box.example/pair#x.y",), 2),
        (("https://box.example", "--name", "a b"), 2),
        (("https://127.0.0.1:1/pair#" + "A" * 43 + "." + "A" * 43,), 5),
        (("https://box.example/pair#" + "A" * 43 + "." + "A" * 43, "--ca", "/nowhere"), 2),
        (("https://box.example/pair#" + "A" * 43 + "." + "A" * 43, "--ssh-agent", "x"), 4),
    ],
)
def test_what_cannot_be_meant_is_refused(words: tuple[str, ...], code: int) -> None:
    with environment(SSH_AUTH_SOCK=None):
        assert call("login", *words).code == code


def test_the_name_of_another_box_is_not_taken() -> None:
    call("box", "add", "home", "https://other.example")
    done = call("login", "--name", "home", "https://box.example/pair#" + "A" * 43 + "." + "A" * 43)
    assert (done.code, "the name of another box" in done.err) == (4, True)
