from __future__ import annotations

from typing import Any

import pytest

from workers.core import commands
from workers.core.commands import parse
from workers.errors import Refused

ID = "0B9C7A52-9f41-4c1e-8d5f-111111111111"


@pytest.mark.parametrize(
    ("value", "command"),
    [
        ({"kind": "prompt", "text": "hi"}, commands.Prompt("hi")),
        ({"kind": "prompt", "text": "hi", "message_id": ID}, commands.Prompt("hi", ID.lower())),
        ({"kind": "interrupt"}, commands.Interrupt()),
        ({"kind": "cancel_message", "message_id": ID}, commands.CancelMessage(ID.lower())),
        ({"kind": "resize", "rows": 1, "columns": 1000}, commands.Resize(1, 1000)),
        ({"kind": "signal", "name": "INT"}, commands.Signal("INT")),
        ({"kind": "signal", "name": "SIGTERM"}, commands.Signal("TERM")),
        ({"kind": "rename", "name": "größer #2"}, commands.Rename("größer #2")),
        ({"kind": "stop"}, commands.Stop()),
        ({"kind": "suspend", "message_id": ID}, commands.Suspend(ID.lower())),
        ({"kind": "take_lease"}, commands.TakeLease()),
        ({"kind": "release_lease"}, commands.ReleaseLease()),
    ],
)
def test_a_command_is_read_from_its_json(value: Any, command: object) -> None:
    assert parse(value) == command


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "stop",
        {},
        {"kind": None},
        {"kind": ["stop"]},
        {"kind": "set_mode", "mode": "plan"},
        {"kind": "set_model", "model": "large"},
        {"kind": "answer", "approval_id": "1", "outcome": "allowed"},
        {"kind": "stop", "now": True},
        {"kind": "prompt"},
        {"kind": "prompt", "text": ""},
        {"kind": "prompt", "text": 7},
        {"kind": "prompt", "text": "half \ud800"},
        {"kind": "prompt", "text": "hi", "message_id": None},
        {"kind": "prompt", "text": "hi", "message_id": "1"},
        {"kind": "prompt", "text": "hi", "message_id": f"{ID}0"},
        {"kind": "cancel_message"},
        {"kind": "resize", "rows": 24},
        {"kind": "resize", "rows": 0, "columns": 80},
        {"kind": "resize", "rows": 24, "columns": 1001},
        {"kind": "resize", "rows": True, "columns": 80},
        {"kind": "resize", "rows": 24.0, "columns": 80},
        {"kind": "signal"},
        {"kind": "signal", "name": "STOP"},
        {"kind": "signal", "name": 9},
        {"kind": "rename", "name": ""},
        {"kind": "rename", "name": "n" * 65},
        {"kind": "rename", "name": "a\x1b[2J"},
        {"kind": "rename", "name": "a\u202eb"},
        {"kind": "rename", "name": None},
    ],
)
def test_what_is_no_command_is_refused_as_invalid(value: Any) -> None:
    with pytest.raises(Refused) as refused:
        parse(value)
    assert refused.value.code == "invalid"
    assert refused.value.detail
    assert refused.value.hint


def test_a_refusal_names_the_field_and_what_it_should_be() -> None:
    with pytest.raises(Refused) as refused:
        parse({"kind": "resize", "rows": 0, "columns": 80})
    assert refused.value.detail == "the 'rows' of a resize must be a whole number from 1 to 1000"


def test_a_field_name_without_end_is_cut_in_the_refusal() -> None:
    with pytest.raises(Refused) as refused:
        parse({"kind": "stop", "x" * 100_000: 1})
    assert len(refused.value.detail) < 200


def test_a_text_that_is_too_large_says_how_large_it_may_be() -> None:
    assert parse({"kind": "prompt", "text": "x" * commands.MAX_TEXT})
    with pytest.raises(Refused) as refused:
        parse({"kind": "prompt", "text": "ü" * (commands.MAX_TEXT // 2 + 1)})
    assert refused.value.code == "too_large"
