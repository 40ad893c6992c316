"""How a pairing looks on a screen, by its size."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.text import Text

from supervisor import pairingdrawing
from supervisor.core.pairingview import PairingView

LINK = "https://box.example.ts.net/pair#" + "a" * 43 + "." + "b" * 43
LOCAL = "http://127.0.0.1:7420/pair#s"
CODE = "▀▀▀▀▀"


def view(*links: str, **progress: object) -> PairingView:
    made = PairingView()
    made.offer({"id": "a", "code": "7K3Q-2XWM", "urls": links, "expires_at": "2026-01-01T00:05:00.000Z"})
    pairing: dict[str, object] = {
        "id": "a",
        "state": "waiting",
        "claimed": None,
        "opened": False,
        "contenders": [],
        "tries_left": 3,
    }
    made.apply({**pairing, **progress})
    return made


def drawn(what: RenderableType, width: int, height: int = 24) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    console.print(what)
    text = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO from above
    return [line.rstrip() for line in str(text).splitlines()]


def page(shown: PairingView, height: int, width: int) -> list[str]:
    lines = drawn(pairingdrawing.page(shown, "vm", [Text("last")], height, width), width, height)
    assert len(lines) <= height and all(cell_len(line) <= width for line in lines)
    return lines


def test_the_code_stands_beside_the_text_on_a_usual_terminal() -> None:
    lines = page(view(LINK), 24, 80)
    assert CODE in lines[1] and "Pair a device with vm" in lines[0]
    assert any("Code 7K3Q-2XWM" in line for line in lines) and any("last" in line for line in lines)


def test_on_a_high_and_narrow_one_it_stands_above_it() -> None:
    lines = page(view(LINK), 45, 60)
    assert CODE in lines[1] and lines[24].startswith("Pair a device with vm")


@pytest.mark.parametrize(("height", "width"), [(20, 80), (30, 50), (60, 40)])
def test_where_it_does_not_fit_link_and_code_are_all_there_is(height: int, width: int) -> None:
    lines = page(view(LINK), height, width)
    text = "".join(lines)
    assert CODE not in text and LINK in text and "Code 7K3Q-2XWM" in text
    assert "larger" in text


def test_what_only_this_machine_can_open_has_no_qr_but_says_what_to_do() -> None:
    text = " ".join(page(view(LOCAL), 24, 80))
    assert CODE not in text and "larger" not in text
    assert all(told in text for told in (LOCAL, "--public-url", "ssh -L 7420"))


def test_a_box_that_is_not_reached_at_all_still_has_a_code() -> None:
    shown = view()
    assert pairingdrawing.lines(shown, 80) == []
    assert "Waiting for the device to open it." in page(shown, 24, 80)


def test_who_wants_in_is_shown_with_what_is_typed_and_who_else_tried() -> None:
    claimed: dict[str, Any] = {"address": "198.51.100.7", "label": None}
    assert "Claimed from 198.51.100.7" in page(view(LOCAL, claimed=claimed), 24, 80)
    assert LOCAL not in "".join(page(view(LOCAL, claimed=claimed), 24, 80)), "it works once"
    claimed["label"] = "Ana\x1b[31m"
    shown = view(LOCAL, claimed=claimed, opened=True, contenders=["203.0.113.9"], tries_left=1)
    shown.type("4")
    told = [line.plain for line in pairingdrawing.lines(shown, 100)]
    assert told == [
        "Ana\\x1b[31m (198.51.100.7) wants in. Type the six digits it shows; x refuses:",
        "  4__ ___",
        "1 of 3 tries left",
        "Another device tried the same link or code: 203.0.113.9",
    ]
    assert set(told) <= set(page(shown, 24, 100))


def test_where_several_ask_it_is_said_that_others_wait() -> None:
    claimed = {"address": "198.51.100.7", "label": "phone"}
    shown = view(claimed=claimed, opened=True)
    other = {"id": "b", "state": "waiting", "claimed": claimed, "opened": True, "contenders": [], "tries_left": 3}
    shown.apply(other)
    assert "After this one, 1 more to let in or refuse" in page(shown, 12, 50)


def test_among_the_sessions_the_link_is_cut_only_where_the_line_ends() -> None:
    lines = [line.plain for line in pairingdrawing.lines(view(LINK), 60)]
    assert "".join(lines[:3]).startswith("Pair a device: " + LINK)
    assert lines[3:] == ["or type the code 7K3Q-2XWM at", "https://box.example.ts.net/pair; space shows its QR"]
    assert pairingdrawing.lines(view(LOCAL), 200)[1].plain.endswith("space says how others get here")
    assert pairingdrawing.lines(PairingView(), 80) == []
