"""What opens a box is seen by nobody but the two who share it: in no log, argument, file, or answer to others."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.boxprocess import RC, BoxProcess, box_process
from tests.flows.canaries import Canaries
from tests.flows.paired import Claimant, Key, PairedDevice, open_stream, send
from tests.supervisor.web.boxes import git


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BoxProcess]:
    project = tmp_path / "app"
    project.mkdir()
    git(project, "init", "-q")
    with box_process(tmp_path, project) as box:
        yield box.start("--verbose", "--no-create-session-in-dir")


def pair(box: BoxProcess, canaries: Canaries, how: str) -> PairedDevice:
    """With a wrong try before."""
    url = box.ready["urls"][0]
    status, invitation = box.call("POST", "/v1/pairings", {})
    assert status == 201, invitation
    code = canaries.keep(f"code for {how}", invitation["code"])
    canaries.keep(f"code for {how}, typed", code.replace("-", "").lower())
    secret = canaries.keep(f"secret for {how}", invitation["url"].partition("#")[2].partition(".")[0])
    wrong = code[:7] + ("00" if code[7:] != "00" else "11")
    assert Claimant(url).claim(code=canaries.keep(f"wrong code for {how}", wrong)).status == 404
    claimant = Claimant(url, Key("P-256" if how == "link" else "Ed25519"))
    assert claimant.claim(**({"secret": secret} if how == "link" else {"code": code})).status == 200
    assert Claimant(url).claim(secret=secret).code == "already_claimed"
    assert claimant.open(how).status == 200
    status, device = box.call("POST", f"/v1/pairings/{claimant.id}/accept", {"number": claimant.number})
    assert status == 200, device
    return PairedDevice(url, claimant.key, device["id"])


def use(device: PairedDevice, session: str, canaries: Canaries) -> None:
    """Everything that needs a secret, and each once more where it is refused."""
    name = device.id
    token = canaries.keep(f"{name} token", device.sign_in())
    assert device.request("GET", "/v1/box").status == 200
    ticket = canaries.keep(f"{name} ticket", device.ticket(session))
    canaries.keep(f"{name} token that came with it", device.token or "")
    with device.stream(session, "after=0", ticket) as stream:
        stream.hear("hello")
        canaries.look_at("a stream's handshake", bytes(stream.head))
        canaries.look_at("a stream", json.dumps(stream.messages).encode())
    assert device.stream(session, ticket=ticket).status == 401
    answer = device.request("POST", f"/v1/code/sessions/{session}/exec", {"command": ["env"]})
    exec_ticket = canaries.keep(f"{name} ticket of a program", answer.json["ticket"])
    with open_stream(device.url, f"/v1/code/sessions/{session}/exec", exec_ticket) as program:
        program.hear("exit")
        canaries.look_at("a program's environment", bytes(program.terminal))
    # What people do by mistake, or programs that expect another scheme.
    unused = canaries.keep(f"{name} ticket in the wrong place", device.ticket())
    for headers in ({"authorization": f"Bearer {token}"}, {"authorization": f"DPoP {unused}"}, {"cookie": token}):
        answer = send(device.url, "GET", "/v1/box", headers=headers)
        assert answer.status == 401
        canaries.look_at("a refusal", answer.body + json.dumps(answer.headers).encode())
    assert open_stream(device.url, "/v1/stream", token).status == 401


def work_remotely(box: BoxProcess, canaries: Canaries) -> None:
    """As the worker of a session elsewhere, and once more where a worker has nothing to say."""
    session = box.call("POST", "/v1/code/sessions", {"agent": "echo", "worker": "remote"})[1]
    path = f"/v1/code/sessions/{session['id']}"
    status, answer = box.call("POST", f"{path}/bridge")
    assert status == 200, answer
    token = canaries.keep("token of a remote worker", answer["worker_jwt"])
    headers = {"authorization": f"Bearer {token}"}
    url = box.ready["urls"][0]
    assert send(url, "POST", f"{path}/worker/events", {"records": []}, headers).status == 200
    assert send(url, "GET", path, headers=headers).status == 403
    assert send(url, "GET", f"{path}/worker?token=x", headers={"authorization": f"Bearer {token}x"}).status == 401
    assert box.call("POST", f"{path}/stop")[0] == 200


def log_in(box: BoxProcess, canaries: Canaries) -> None:
    """By the command line of another machine, whose owner has the link on a clipboard and not on the command line."""
    invitation = box.call("POST", "/v1/pairings", {})[1]
    link = invitation["url"]
    canaries.keep("secret for the command line", link.partition("#")[2].partition(".")[0])
    words = [*RC, "login", "-", "--name", "far"]
    login = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=box.environment
    )
    assert login.stdin is not None and login.stderr is not None
    login.stdin.write(f"{link}\n")
    login.stdin.flush()
    number = re.search(r"--accept (\d{6})", login.stderr.readline())
    assert number is not None
    canaries.look_at_processes()
    assert box.call("POST", f"/v1/pairings/{invitation['id']}/accept", {"number": number[1]})[0] == 200
    out, _ = login.communicate(timeout=30)
    assert login.returncode == 0
    canaries.look_at("what rc login says", out.encode())
    assert box.rc("--box", "far", "ls").code == 0


def test_no_secret_of_the_way_in_is_anywhere(box: BoxProcess, tmp_path: Path) -> None:
    canaries = Canaries()
    session: str = box.new("sh")["id"]
    watcher = box.stream(session)
    devices = [pair(box, canaries, how) for how in ("link", "code")]
    devices.append(PairedDevice.machine(box.ready["urls"][0], box.call))
    for device in devices:
        use(device, session, canaries)
        canaries.look_at_processes()
    log_in(box, canaries)
    work_remotely(box, canaries)
    for path in ("/v1/box", "/v1/devices", "/v1/pairings", "/v1/code/sessions", f"/v1/code/sessions/{session}"):
        canaries.look_at(path, json.dumps(_told(box, path)).encode())
    assert box.call("DELETE", f"/v1/devices/{devices[0].id}")[0] == 200
    watcher.say(type="ping", id="p")
    watcher.hear("pong")
    canaries.look_at("somebody else's stream", json.dumps(watcher.messages).encode())
    box.end(9)
    assert canaries.look_at_files([tmp_path]) > 10
    box.start("--verbose")
    canaries.look_at_processes()
    box.end()
    canaries.look_at_files([tmp_path])
    assert "pairing_claimed" in box.log.read_text()
    assert len(canaries.names) == 2 * 4 + 3 * 5 + 2
    assert canaries.found == set()


def test_a_secret_would_be_found(tmp_path: Path) -> None:
    canaries = Canaries()
    secret = canaries.keep("token", "xbG9nOo4a1nCI0Cq4TNTTBvQlvMZbSNpFyS2dVGyxGk")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "log").write_text(f"GET /?{secret}")
    (tmp_path / "a" / "base").write_bytes(b"..." + base64.urlsafe_b64decode(f"{secret}="))
    canaries.look_at_files([tmp_path])
    assert canaries.found == {f"token in {tmp_path}/a/log", f"token in {tmp_path}/a/base"}


def _told(box: BoxProcess, path: str) -> Any:
    status, answer = box.call("GET", path)
    assert status == 200, answer
    return answer
