"""Messages of a stream: what is read, and what is refused without ever closing the line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.access import MESSAGES
from supervisor.core.messages import KINDS, MAX_ID, Credit, Keys, Order, Ping, Unfit, parse, parse_wish
from workers.errors import Refused

UUID = "0b9c2f0e-8f5e-4c36-9d1c-0123456789ab"


def told(**fields: Any) -> str:
    return json.dumps(fields)


def command(**wish: Any) -> str:
    return told(type="command", id="c1", command=wish)


def refused(frame: str | bytes) -> Unfit:
    message = parse(frame)
    assert isinstance(message, Unfit)
    assert message.refused.code == "invalid"
    assert message.refused.detail and message.refused.hint
    return message


def test_a_command_keeps_its_id_and_its_wish() -> None:
    wish = {"kind": "prompt", "text": "ls", "message_id": UUID}
    assert parse(command(**wish)) == Order("c1", "prompt", wish)


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "interrupt"},
        {"kind": "cancel_message", "message_id": UUID},
        {"kind": "resize", "rows": 24, "columns": 80},
        {"kind": "signal", "name": "INT"},
        {"kind": "take_lease"},
        {"kind": "release_lease", "message_id": UUID},
    ],
)
def test_every_kind_of_the_interface_is_read(wish: dict[str, Any]) -> None:
    assert parse(command(**wish)) == Order("c1", wish["kind"], wish)


def test_a_repeat_is_known_by_its_own_id_and_not_by_that_of_its_target() -> None:
    id = "0b9c2f0e-8f5e-4c36-9d1c-0123456789ab"
    assert Order("c", "prompt", {"kind": "prompt", "text": "x", "message_id": id}).message_id == id
    assert Order("c", "prompt", {"kind": "prompt", "text": "x"}).message_id is None
    assert Order("c", "cancel_message", {"kind": "cancel_message", "message_id": id}).message_id is None


def test_every_message_has_a_row_in_the_table_of_access() -> None:
    assert {*KINDS, "keys", "credit", "ping"} == set(MESSAGES)


def test_credit_ping_and_keys_are_read() -> None:
    assert parse(told(type="credit", terminal_offset=0)) == Credit(0)
    assert parse(told(type="ping", id="p")) == Ping("p")
    assert parse(b"\x01\x1b[A") == Keys(b"\x1b[A")


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "nonsense",
        "[" * 200_000,
        '{"type":"credit","terminal_offset":NaN}',
        '{"type":"credit","terminal_offset":' + "9" * 5000 + "}",
        "[]",
        "null",
        '"ping"',
        "{}",
        told(type="shout"),
        told(type=["ping"]),
        told(type="ping"),
        told(type="ping", id=1),
        told(type="ping", id=""),
        told(type="ping", id="x" * (MAX_ID + 1)),
        told(type="ping", id="p", extra=1),
        told(type="credit"),
        told(type="credit", terminal_offset=-1),
        told(type="credit", terminal_offset=True),
        told(type="credit", terminal_offset=1.5),
        told(type="credit", terminal_offset=1 << 63),
        told(type="credit", terminal_offset=1, extra=1),
        told(type="command", command={"kind": "interrupt"}),
        told(type="command", id=7, command={"kind": "interrupt"}),
        told(type="command", id="c1"),
        told(type="command", id="c1", command="interrupt"),
        command(kind="stop"),
        command(kind="answer", approval_id="a"),
        command(kind=["prompt"]),
        command(text="no kind"),
        b"",
        b"\x01",
        b"\x02keys",
    ],
)
def test_what_is_no_message_is_refused_without_an_id(frame: str | bytes) -> None:
    assert refused(frame).id is None


@pytest.mark.parametrize(
    "frame",
    [
        told(type="command", id="c1", command={"kind": "interrupt"}, extra=1),
        command(kind="prompt"),
        command(kind="prompt", text=1),
        command(kind="prompt", text="\ud800"),
        command(kind="prompt", text="a", extra=1),
        command(kind="prompt", text="a", message_id="not a uuid"),
        command(kind="resize", rows=0, columns=80),
        command(kind="resize", rows=24, columns=True),
        command(kind="signal", name="BOOM"),
        command(kind="take_lease", from_="ana"),
        command(kind="release_lease", message_id=1),
    ],
)
def test_a_command_that_is_wrong_in_itself_is_refused_by_its_id(frame: str) -> None:
    assert refused(frame).id == "c1"


def test_a_wish_is_also_read_without_its_envelope() -> None:
    assert parse_wish({"kind": "interrupt"}) == ("interrupt", {"kind": "interrupt"})
    with pytest.raises(Refused, match="kind"):
        parse_wish({"kind": "rename", "name": "x"})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([*KINDS, "c1", UUID]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "id", "command", "kind", "text", "rows", "columns", "name", "message_id"])
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.text() | st.binary() | json_values.map(json.dumps))
def test_no_frame_whatever_breaks_the_reader(frame: str | bytes) -> None:
    parse(frame)


@given(json_values)
def test_no_command_whatever_breaks_the_reader(value: Any) -> None:
    parse(told(type="command", id="c1", command=value))
