"""Shapes of what others tell us in JSON: checked values, or ValueError."""

from __future__ import annotations

from typing import Any

TEXT_MAX = 16 << 10  # characters of one path or sentence; a path has 4096 octets, each perhaps spelled `\\xff`
COUNT_MAX = 1 << 63  # what a file system or a counter can hold


def as_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def as_list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError(f"not a list of at most {most}")
    return value


def as_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


def as_count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < COUNT_MAX:
        raise ValueError("not a count")
    return value


def as_text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > TEXT_MAX:
        raise ValueError(f"not a text of at most {TEXT_MAX} characters")
    return value.encode(errors="replace").decode()  # a lone half of a surrogate pair could not be sent on
