"""`rc pair`: what it shows, and how it takes the number."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from supervisor.cli import pairing
from tests.flows.paired import Claimant
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.cli.oddbox import OddBox
from tests.supervisor.cli.stage import client_at, pipes, terminal
from tests.supervisor.web.boxes import ServedBox
from tests.waiting import until
from workers.errors import Refused


def url(box: ServedBox) -> str:
    return str(box.ask("GET", "/v1/box").json["urls"][0])


def invite(box: ServedBox) -> dict[str, Any]:
    invitation: dict[str, Any] = box.ask("POST", "/v1/pairings", {}).json
    return invitation


def secret(invitation: dict[str, Any]) -> str:
    return str(invitation["url"]).partition("#")[2].partition(".")[0]


def claimed(box: ServedBox, invitation: dict[str, Any]) -> Claimant:
    """A device that shows its number."""
    claimant = Claimant(url(box))
    assert claimant.claim(secret=secret(invitation)).status == 200
    assert claimant.open("Ana's phone").status == 200
    return claimant


@contextlib.contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@dataclass
class Printed:
    """All that was printed so far."""

    capture: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""

    def has(self, text: str) -> bool:
        out, err = self.capture.readouterr()
        self.out, self.err = self.out + out, self.err + err
        return text in self.out + self.err


def state(box: ServedBox, id: str) -> dict[str, Any]:
    shown: dict[str, Any] = box.ask("GET", f"/v1/pairings/{id}").json
    return shown


def test_an_invitation_is_shown_with_link_code_and_what_to_do(
    rc: Rc, box: ServedBox, capsys: pytest.CaptureFixture[str]
) -> None:
    invitation = rc("pair", "--json").json
    assert invitation["url"].startswith(f"{url(box)}/pair#")
    box.ask("DELETE", f"/v1/pairings/{invitation['id']}")
    with pipes(), pytest.raises(Refused) as ended:
        pairing._see_through(client_at(box.socket), invitation)
    assert (ended.value.fields["exit"], ended.value.hint) == (4, "rc pair makes another")
    told = capsys.readouterr().out
    assert f"  {invitation['url']}\n" in told and invitation["code"] in told
    assert "--public-url" in told and "ssh -L" in told and "▀" not in told


def test_a_qr_is_shown_of_what_others_can_open(capsys: pytest.CaptureFixture[str]) -> None:
    link = "https://box.example.ts.net/pair#" + "a" * 87
    invitation = {"code": "7K3Q-2XWM", "urls": [link], "url": link, "expires_at": "2026-01-01T00:05:00.000Z"}
    with terminal(50, 100):
        pairing._show(invitation)
    told = capsys.readouterr().out
    assert "\x1b[38;5;16;48;5;231m" in told and "▀▀▀▀▀" in told
    assert "rc login https://box.example.ts.net\n" in told and "--public-url" not in told
    with terminal(10, 100):
        pairing._show({**invitation, "urls": None})
    assert "does not fit this terminal" in capsys.readouterr().err
    pairing._show({**invitation, "urls": [], "url": None})
    assert "The code for the box's page is 7K3Q-2XWM." in capsys.readouterr().out


def test_the_number_is_typed_where_the_invitation_is_shown(box: ServedBox, capsys: pytest.CaptureFixture[str]) -> None:
    invitation, printed = invite(box), Printed(capsys)

    def play() -> None:
        try:
            screen.type(b"123456\n\n")
            until(lambda: printed.has("no device waits for its number yet"))
            claimant = claimed(box, invitation)
            assert Claimant(url(box)).claim(secret=secret(invitation)).code == "already_claimed"
            until(lambda: printed.has("Type the six digits"))
            screen.type(f"{(int(claimant.number) + 1) % 10**6:06}\n".encode())
            until(lambda: printed.has("2 tries left"))
            screen.type(f"{claimant.number[:3]} {claimant.number[3:]}\n".encode())
        except BaseException:
            box.ask("DELETE", f"/v1/pairings/{invitation['id']}")  # or it would be waited for
            raise

    with terminal(50, 100) as screen, meanwhile(play):
        assert pairing._see_through(client_at(box.socket), invitation) == 0
    assert printed.has("claimed from 127.0.0.1\n")
    assert printed.has("Ana's phone (127.0.0.1) wants in.\nType the six digits that it shows, and Enter:\n")
    assert printed.has("another device tried the same link or code: 127.0.0.1\n")
    assert printed.has(f"Ana's phone is paired: {state(box, invitation['id'])['device']}\n")


def test_another_shell_lets_the_device_in(rc: Rc, box: ServedBox, capsys: pytest.CaptureFixture[str]) -> None:
    assert rc("pair", "--accept", "123456").code == 3
    assert rc("pair", "--pairing", "pairing_1").code == 2
    invitation = invite(box)
    claimant = claimed(box, invitation)
    assert rc("pair", "--accept", "12345").code == 2
    wrong = rc("pair", "--accept", f"{(int(claimant.number) + 1) % 10**6:06}")
    assert (wrong.code, "2 tries left" in wrong.err) == (4, True)
    other = invite(box)
    second = claimed(box, other)
    several = rc("pair", "--accept", claimant.number, "--json")
    assert several.code == 2
    assert {each["id"] for each in several.problem["pairings"]} == {invitation["id"], other["id"]}

    def accept() -> None:
        assert rc("pair", "--accept", second.number, "--pairing", other["id"]).code == 0

    with pipes(), meanwhile(accept):
        assert pairing._see_through(client_at(box.socket), other) == 0
    assert rc("pair", "--accept", claimant.number, "--json").json["label"] == "Ana's phone"


def test_a_pairing_that_the_box_has_forgotten_is_over(box: ServedBox) -> None:
    invitation = {**invite(box), "id": "pairing_gone"}
    with pipes(), pytest.raises(Refused) as ended:
        pairing._see_through(client_at(box.socket), invitation)
    assert ended.value.fields["exit"] == 1


async def test_a_box_that_does_not_come_back_lets_nobody_in(tmp_path: Path, autojump_clock: MockClock) -> None:
    with pipes():
        ended = await pairing._wait(client_at(str(tmp_path / "rc.sock")), "pairing_1")
    assert ended["state"] == "expired"


def test_what_else_the_box_refuses_is_told_as_it_is(odd: OddBox, odd_rc: Rc) -> None:
    odd.refuse("POST", "/v1/pairings", 429, "rate_limited", "16 pairings are open already")
    assert odd_rc("pair").code == 4
    odd.refuse("POST", "/v1/pairings/p/accept", 409, "invalid_state", "no device waits")
    assert odd_rc("pair", "--accept", "123456", "--pairing", "p").code == 4
