"""What is printed is shown and never obeyed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from supervisor.cli import printing
from workers.errors import Refused

Capture = pytest.CaptureFixture[str]


def test_an_error_is_one_line_with_what_to_do_next(capsys: Capture) -> None:
    printing.refuse(Refused("unknown_session", "there is no session x", "rc ls shows them"), as_json=False)
    assert capsys.readouterr().err == "rc: there is no session x; rc ls shows them\n"


def test_an_error_without_advice_has_no_loose_end(capsys: Capture) -> None:
    printing.refuse(Refused("failed", "no"), as_json=False)
    assert capsys.readouterr().err == "rc: no\n"


def test_with_json_an_error_is_a_problem_object(capsys: Capture) -> None:
    printing.refuse(Refused("at_capacity", "full", "wait", status=409, used=2, limit=2), as_json=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err) == {
        "type": "urn:rc:problem:at_capacity",
        "title": "All slots are taken",
        "status": 409,
        "code": "at_capacity",
        "detail": "full",
        "hint": "wait",
        "used": 2,
        "limit": 2,
    }


def test_our_own_errors_have_the_same_shape() -> None:
    problem = printing.problem_of(Refused("unreachable", "nobody there", "start one", exit=5))
    assert (problem["status"], problem["title"]) == (503, "The box cannot be reached")
    assert "exit" not in problem
    assert printing.problem_of(Refused("something", "x"))["title"] == "Failed"


def test_the_gate_names_paths_in_its_one_line(capsys: Capture) -> None:
    many = [f"f{number}" for number in range(9)]
    reasons = [
        {"code": "untracked", "detail": "10 not tracked", "paths": ["b\x1b[31m\n", *many]},
        {"code": "running", "detail": "it runs"},
    ]
    printing.refuse(Refused("kept", "kept", "look", reasons=reasons), as_json=False)
    assert capsys.readouterr().err == "rc: kept (b\\x1b[31m\\n, f0, f1, f2, f3, f4, f5, f6, 2 more); look\n"


def test_control_characters_are_shown_wherever_something_is_printed(capsys: Capture) -> None:
    evil = "\x1b]52;c;x\x07\u202e\x9b"
    printing.line(evil, 1)
    printing.block(f"{evil}\nsecond\n")
    printing.note(evil)
    printing.table(("NAME",), [[evil]])
    printing.value({"name": evil})
    printing.refuse(
        Refused("failed", evil, evil, reasons=[{"code": evil, "detail": evil, "paths": [evil]}]), as_json=False
    )
    captured = capsys.readouterr()
    printed = captured.out + captured.err
    assert not set(printed) & set("\x1b\x07\u202e\x9b")
    assert "\\x1b]52;c;x\\x07\\u202e\\x9b 1\n" in printed


def test_a_block_ends_with_one_line_feed(capsys: Capture) -> None:
    printing.block("a")
    printing.block("b\n")
    printing.block("")
    assert capsys.readouterr().out == "a\nb\n"


def test_a_table_is_in_line_for_wide_and_narrow_characters(capsys: Capture) -> None:
    printing.table(("NAME", "N"), [["日本", 1], ["e\u0301", None], ["plain", 3]])
    assert capsys.readouterr().out == "NAME   N\n日本   1\ne\u0301      -\nplain  3\n"


@pytest.mark.parametrize(
    ("octets", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (64 << 20, "64.0 MiB"), (1 << 52, "4096.0 TiB")],
)
def test_sizes_have_the_unit_that_fits(octets: int, text: str) -> None:
    assert printing.size(octets) == text


@pytest.mark.parametrize(("seconds", "text"), [(5, "5s"), (125, "2m"), (7300, "2h"), (900000, "10d"), (-5, "0s")])
def test_ages_have_the_unit_that_fits(seconds: int, text: str) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert printing.age((now - timedelta(seconds=seconds)).isoformat(), now) == text


def test_an_age_that_is_not_known_is_a_dash() -> None:
    assert printing.age(None) == "-"


def test_things_are_counted() -> None:
    assert printing.count(1, "file") == "1 file"
    assert printing.count(0, "file") == "0 files"
