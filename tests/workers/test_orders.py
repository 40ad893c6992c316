from __future__ import annotations

import errno
import uuid
from typing import Any

import pytest

from workers.core.commands import Interrupt
from workers.errors import Broken, Refused
from workers.orders import outcome, read_order

ANA = {"person": "ana", "device": None}


def asked(**fields: Any) -> dict[str, Any]:
    return {"command": {"kind": "interrupt"}, "by": ANA, "origin": "person", **fields}


def test_an_order_says_who_gave_it_and_has_an_id_of_its_own() -> None:
    one, other = read_order(asked(), 0.0), read_order(asked(origin="rc", by=None), 0.0)
    assert (one.command, one.by, one.origin, one.refusal) == (Interrupt(), ANA, "person", None)
    assert (other.by, other.origin) == (None, "rc")
    assert uuid.UUID(one.fresh_id).version == 4
    assert one.fresh_id != other.fresh_id


def test_an_order_that_comes_too_late_only_counts_as_a_repeat() -> None:
    assert read_order(asked(until=7.5), 7.5).refusal is None
    late = read_order(asked(until=7.5), 7.6).refusal
    assert late is not None
    assert late.code == "not_running"


def test_a_refusal_of_the_supervisor_comes_before_the_hour() -> None:
    refusal = {"code": "lease_held", "detail": "ana types", "hint": "take it"}
    held = read_order(asked(refusal=refusal, until=1.0), 2.0).refusal
    assert held is not None
    assert (held.code, held.detail, held.hint) == ("lease_held", "ana types", "take it")


@pytest.mark.parametrize(
    "value", [None, [], asked(by="ana"), asked(origin="agent"), asked(until="soon"), asked(until=None)]
)
def test_what_no_supervisor_sends_breaks_the_line(value: Any) -> None:
    with pytest.raises(Broken):
        read_order(value, 0.0)


def test_what_a_person_may_have_written_is_refused() -> None:
    with pytest.raises(Refused):
        read_order(asked(command={"kind": "sing"}), 0.0)


def test_an_answer_names_the_number_or_what_the_disk_said() -> None:
    assert outcome(7, False, None) == {"seq": 7}
    assert outcome(7, True, None) == {"seq": 7, "repeat": True}
    assert outcome(7, False, OSError(errno.EIO, "Input/output error"))["error"]["code"] == "disk_full"
