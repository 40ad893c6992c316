"""The keys that are meant for `rc attach` itself: Ctrl-] and a letter."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Ctrl-] as the octet it always was, and as xterm's modifyOtherKeys and kitty's protocol write it, which a program in
# the session may have switched on.
_PREFIX = re.compile(rb"\x1d|\x1b\[93;5u|\x1b\[27;5;93~")
_LETTER = re.compile(rb"[a-z]|\x1b\[(?P<code>\d+)(?:;1)?u")


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person typed. `keys` go to the session; then comes `wish`: `d` (leave) or `t` (take the lease)."""

    keys: bytes
    wish: str | None = None


class DetachKeys:
    """Follows the octets of one keyboard; a Ctrl-] is held until the next key says what it meant."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[Typed]:
        """In the order in which it was typed. Behind the wish to leave nothing counts."""
        typed: list[Typed] = []
        keys = b""
        while data:
            if self._held:
                wish, data, kept = self._second(data)
                keys += kept
                if wish is not None:
                    typed.append(Typed(keys, wish))
                    keys = b""
                if wish == "d":
                    return typed
                continue
            prefix = _PREFIX.search(data)
            if prefix is None:
                keys += data
                break
            keys += data[: prefix.start()]
            self._held = prefix.group()
            data = data[prefix.end() :]
        return [*typed, Typed(keys)] if keys else typed

    def _second(self, data: bytes) -> tuple[str | None, bytes, bytes]:
        """(the wish, what follows, what goes to the session after all) of the key behind a Ctrl-]."""
        held, self._held = self._held, b""
        again = _PREFIX.match(data)
        if again is not None:  # twice means once, for the program
            return None, data[again.end() :], held
        letter = _LETTER.match(data)
        wish = _wish(letter) if letter else None
        if wish in ("d", "t") and letter is not None:
            return wish, data[letter.end() :], b""
        return None, data[1:], held + data[:1]


def _wish(letter: re.Match[bytes]) -> str:
    code = letter["code"]
    return chr(int(code[:6])) if code else letter.group().decode()
