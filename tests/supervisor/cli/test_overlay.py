"""A word of `rc attach` itself."""

from __future__ import annotations

import math

import pytest
import trio

from supervisor.cli.overlay import SHOWN_SECONDS, Overlay
from supervisor.cli.ownterminal import raw
from tests.supervisor.cli.stage import pipes, terminal


async def test_on_a_terminal_it_is_on_the_bottom_line_and_to_be_drawn_over() -> None:
    with terminal(10, 40) as screen:
        overlay = Overlay()
        await overlay.show("hello\x1b[2J " + "x" * 80)
        shown = await screen.until(b"\x1b8")
        assert shown.startswith(b"\x1b7\x1b[10;1H\x1b[0;7m rc: hello\\x1b[2J x")
        assert len(shown.partition(b"7m")[2].partition(b"\x1b")[0]) == 40
        assert overlay.is_shown
        assert overlay.repaint_at == pytest.approx(trio.current_time() + SHOWN_SECONDS, abs=1)
        overlay.leave_to_others()
        assert overlay.is_shown
        assert overlay.repaint_at == math.inf
        overlay.clear()
        assert not overlay.is_shown


async def test_among_lines_it_is_one_more() -> None:
    with terminal(10, 40) as screen, raw():
        overlay = Overlay()
        await overlay.show("hello\x1b[2J", among_lines=True)
        assert await screen.until(b"2J\r\n") == b"\r\nrc: hello\\x1b[2J\r\n"
        assert overlay.is_shown
        assert overlay.repaint_at == math.inf


async def test_elsewhere_it_goes_to_stderr_and_not_twice(capsys: pytest.CaptureFixture[str]) -> None:
    with pipes():
        overlay = Overlay()
        await overlay.show("hello")
        await overlay.show("hello")
        await overlay.show("again")
        assert overlay.repaint_at == math.inf
    assert capsys.readouterr().err == "rc: hello\nrc: again\n"
