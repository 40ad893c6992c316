"""The agent inside the product: it answers each prompt with the prompt's own text. For demos and tests.

What it does is settled by the prompt alone:

    TEXT            one chunk with the same text, and the turn ends
    wait N          the turn runs for N seconds, then says `waited N`
    repeat N TEXT   N chunks of TEXT, then the turn ends
    die N           the agent ends with exit code N, in the middle of its turn

N is a decimal number: seconds up to 86400 (`wait` takes fractions), chunks up to 10000, a code from 0 to 255. What
does not fit these forms is echoed like any text.
"""

from __future__ import annotations

import re

from workers.core import events
from workers.core.agent import Die, EndTurn, Say, Shape, Step

MOST_SECONDS = 86400.0
MOST_CHUNKS = 10_000
MOST_CODE = 255
STEP_OCTETS = 64 << 10  # what `repeat` says at once, as much as a terminal's program: more would fill the memory
CHUNK_OCTETS = 256  # what a chunk costs besides its text

_WAIT = re.compile(r"wait (\d{1,5}(?:\.\d{1,3})?)")
_REPEAT = re.compile(r"repeat (\d{1,5}) (.+)", re.DOTALL)
_DIE = re.compile(r"die (\d{1,3})")


class Echo:
    """One turn at a time; the session sees to that."""

    shape = Shape.INSIDE

    def __init__(self) -> None:
        self.wake_at: float | None = None
        self._chunk = ""  # what is said when the time has come, and how often
        self._chunks = 0

    def prompt(self, text: str, now: float) -> list[Step]:
        asked = text.strip()
        if (wait := _WAIT.fullmatch(asked)) and float(wait[1]) <= MOST_SECONDS:
            self.wake_at = now + float(wait[1])
            self._chunk, self._chunks = f"waited {wait[1]}", 1
            return []
        if (repeat := _REPEAT.fullmatch(asked)) and int(repeat[1]) <= MOST_CHUNKS:
            self.wake_at = now
            self._chunk, self._chunks = repeat[2], int(repeat[1])
            return []
        if (die := _DIE.fullmatch(asked)) and int(die[1]) <= MOST_CODE:
            return [Die(int(die[1]))]
        return [Say(events.agent_text(text)), EndTurn("end_turn")]

    def interrupt(self) -> list[Step]:
        self.wake_at = None
        return [EndTurn("cancelled")]

    def tick(self, now: float) -> list[Step]:
        if self.wake_at is None or now < self.wake_at:
            return []
        at_once = max(1, STEP_OCTETS // (len(self._chunk.encode()) + CHUNK_OCTETS))
        said = [Say(events.agent_text(self._chunk))] * min(at_once, self._chunks)
        self._chunks -= len(said)
        if self._chunks:
            return [*said]
        self.wake_at = None
        return [*said, EndTurn("end_turn")]
