"""Values of the wrong kind do not get in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from supervisor.core.told import COUNT_MAX, TEXT_MAX, as_count, as_flag, as_list, as_object, as_text


@pytest.mark.parametrize(
    ("shape", "right", "wrong"),
    [
        (as_object, {"a": 1}, [[], None, "x", 1]),
        (as_flag, True, [1, 0, None, "true"]),
        (as_count, 5, [-1, True, 1.0, "1", None, COUNT_MAX]),
        (as_text, "x", [1, None, b"x", "x" * (TEXT_MAX + 1)]),
        (lambda value: as_list(value, 2), [1, 2], [{}, None, "xy", [1, 2, 3]]),
    ],
)
def test_only_the_right_kind_passes(shape: Callable[[Any], Any], right: Any, wrong: list[Any]) -> None:
    assert shape(right) == right
    for value in wrong:
        with pytest.raises(ValueError):
            shape(value)
