"""A QR code is printed where it fits, and nowhere else."""

from __future__ import annotations

import pytest

from supervisor.cli.qrprint import show
from tests.supervisor.cli.stage import pipes, terminal

LINK = "https://box.example.ts.net/pair#" + "a" * 87


@pytest.mark.parametrize(("rows", "columns", "fits"), [(24, 80, True), (24, 44, False), (23, 80, False)])
def test_it_is_printed_where_it_fits(capsys: pytest.CaptureFixture[str], rows: int, columns: int, fits: bool) -> None:
    with terminal(rows, columns):
        assert show(LINK) is fits
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == (23 if fits else 0)
    assert all(line.startswith("\x1b[38;5;16;48;5;231m") and line.endswith("\x1b[0m") for line in lines)


def test_nobody_who_reads_a_pipe_wants_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pipes():
        assert not show(LINK)
    assert capsys.readouterr().out == ""
