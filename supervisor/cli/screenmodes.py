"""What a session has done to the asker's terminal, and the way back from it."""

from __future__ import annotations

import re

# Modes that outlive the program that set them, with what they are on a terminal that nobody has touched.
_DEFAULTS = {
    **dict.fromkeys((1, 5, 6, 9, 45, 47, 66, 69), False),
    **dict.fromkeys((1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1015, 1016, 1047, 1049, 2004, 2026, 2031), False),
    7: True,
    25: True,
}
_ALTERNATE = (47, 1047, 1049)
_MODES = re.compile(rb"\x1b\[\?([0-9;]{1,128})([hl])")
_KITTY_KEYS = re.compile(rb"\x1b\[[>=][0-9;]*u")
_OTHER_KEYS = re.compile(rb"\x1b\[>4;[0-9]+m")
_TAIL = 140  # octets that a sequence may be cut into; longer than any of the above

# Soft reset, every mode above by its default, insert and line feed modes, keypad, character sets, region, colours.
RESET = (
    b"\x1b[!p\x1b[?1;5;6;9;45;66;69;1000;1001;1002;1003;1004;1005;1006;1007;1015;1016;2004;2026;2031l\x1b[?1049l"
    b"\x1b[?7;25h\x1b[4;20l\x1b>\x1b(B\x0f\x1b[r\x1b[0m\x1b[H\x1b[2J"
)


class ScreenModes:
    """Follows output and knows which modes are not as they were."""

    def __init__(self) -> None:
        self._changed: dict[int, bool] = {}
        self._kitty_keys = False
        self._other_keys = False
        self._tail = b""

    def feed(self, data: bytes) -> None:
        if b"\x1b" not in data and not self._tail:
            return
        text = self._tail + data
        for found in _MODES.finditer(text):
            for number in found[1].split(b";"):
                self._note(int(number or b"0"), found[2] == b"h")
        self._kitty_keys = self._kitty_keys or _KITTY_KEYS.search(text) is not None
        self._other_keys = self._other_keys or _OTHER_KEYS.search(text) is not None
        cut = text.rfind(b"\x1b", -_TAIL)
        self._tail = text[cut:] if cut >= 0 else b""

    def _note(self, number: int, on: bool) -> None:
        default = _DEFAULTS.get(number)
        if default is None:
            return
        if on == default:
            self._changed.pop(number, None)
        else:
            self._changed[number] = on

    @property
    def alternate(self) -> bool:
        """Whether a program draws on the alternate screen, where every cell is its own."""
        return any(number in self._changed for number in _ALTERNATE)

    def way_back(self) -> bytes:
        """What to write so that a shell finds the terminal as it was. Leaves what is on the screen."""
        alternate = [number for number in _ALTERNATE if number in self._changed]
        parts = [b"\x1b[?%dl" % number for number in alternate]
        parts += [
            b"\x1b[?%d%s" % (number, b"l" if on else b"h")
            for number, on in self._changed.items()
            if number not in alternate
        ]
        if self._kitty_keys:
            parts.append(b"\x1b[=0u")
        if self._other_keys:
            parts.append(b"\x1b[>4m")
        # The region's reset moves the cursor, so it is put back.
        parts.append(b"\x1b7\x1b[r\x1b8\x1b[4l\x1b>\x1b(B\x0f\x1b[0m")
        return b"".join(parts)
