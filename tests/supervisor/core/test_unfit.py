"""What a setting may be, and what is said of one that may not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from supervisor.core import unfit
from supervisor.core.unfit import Unfit

HERE = ("table", "key")
MIB = 1 << 20


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (lambda v: unfit.a_table(v, HERE), 1),
        (lambda v: unfit.strings(v, HERE), "one"),
        (lambda v: unfit.strings(v, HERE), [1]),
        (lambda v: unfit.strings(v, HERE), ["a\0b"]),
        (lambda v: unfit.boolean(v, HERE), 1),
        (lambda v: unfit.whole(v, HERE, 1, 5), 0),
        (lambda v: unfit.whole(v, HERE, 1, 5), 6),
        (lambda v: unfit.whole(v, HERE, 1, 5), True),
        (lambda v: unfit.whole(v, HERE, 1, 5), "3"),
        (lambda v: unfit.choice(v, HERE, ("a", "b")), "c"),
        (lambda v: unfit.choice(v, HERE, ("a", "b")), ["a"]),
        (lambda v: unfit.size(v, HERE, MIB, 9 * MIB), 1),
        (lambda v: unfit.size(v, HERE, MIB, 9 * MIB), True),
        (lambda v: unfit.size(v, HERE, MIB, 9 * MIB), "10 MiB"),
        (lambda v: unfit.size(v, HERE, MIB, 9 * MIB), "2 MB"),
        (lambda v: unfit.size(v, HERE, MIB, 9 * MIB), "much"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(check: Callable[[object], object], wrong: object) -> None:
    with pytest.raises(Unfit, match=r"^table\.key: ") as caught:
        check(wrong)
    assert caught.value.path == HERE


def test_what_fits_is_given_back() -> None:
    assert unfit.a_table({"a": 1}, HERE) == {"a": 1}
    assert unfit.strings(["a", "b"], HERE) == ("a", "b")
    assert unfit.boolean(False, HERE) is False
    assert unfit.whole(5, HERE, 1, 5) == 5
    assert unfit.choice("b", HERE, ("a", "b")) == "b"


@pytest.mark.parametrize("text", ["4194304", "4096 KiB", "4MiB", " 4 mib ", 4194304])
def test_a_size_may_be_written_in_several_ways(text: object) -> None:
    assert unfit.size(text, HERE, MIB, 9 * MIB) == 4 * MIB
