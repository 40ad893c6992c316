"""Waiting for real processes: a condition, looked at again and again under a deadline."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

T = TypeVar("T")

PAUSE = 0.002


def until(condition: Callable[[], T | None], seconds: float = 10.0) -> T:
    """What `condition` returns once it is true. Fails when it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        time.sleep(PAUSE)
    return value


async def until_async(condition: Callable[[], Awaitable[T | None]], seconds: float = 10.0) -> T:
    """The same where others have to run meanwhile."""
    deadline = trio.current_time() + seconds
    while not (value := await condition()):
        assert trio.current_time() < deadline, f"not within {seconds} s: {condition}"
        await trio.sleep(PAUSE)
    return value
