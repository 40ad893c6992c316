"""QR codes as text."""

from __future__ import annotations

import segno

from supervisor.core.qr import BORDER, qr_lines

LINK = "https://box.example.ts.net/pair#" + "a" * 43 + "." + "b" * 43
HALVES = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}


def test_each_character_is_two_modules_one_above_the_other() -> None:
    lines = qr_lines(LINK)
    modules = [[HALVES[character][half] for character in line] for line in lines for half in (0, 1)]
    wanted = segno.make(LINK, error="l", boost_error=False, micro=False).matrix_iter(border=BORDER)
    rows = [[int(bool(module)) for module in row] for row in wanted]
    assert modules[: len(rows)] == rows
    assert all(not any(row) for row in modules[len(rows) :]), "what fills the last line is white"


def test_a_pairing_link_fits_a_terminal_of_24_lines() -> None:
    lines = qr_lines(LINK)
    assert (len(lines), len(lines[0])) == (23, 45)
    assert {len(line) for line in lines} == {45}
