"""The state of a terminal that its bytes alone do not show any more: modes, colours, scroll region, title, screen.

It knows no cells and no cursor position: those come from replayed bytes. The counterpart is `screen`, which decides
what to replay.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache

# Every sequence that changes what is remembered here. Repetitions are bounded, so that numbers stay small.
_SEQUENCE = re.compile(
    rb"\x1b(?:"
    rb"\[(?:[0-9;:]{0,128}+[hlmr]"  # insert mode, colours, scroll region
    rb"|\?[0-9;]{0,64}+[hlrs]"  # private modes: set, reset, restore, save
    rb"|[<=>][0-9;]{0,16}+u"  # kitty's keyboard flags: pop, set, push
    rb"|2[23](?:;[02])?t"  # title: push, pop
    rb"|[0-9]? q"  # shape of the cursor
    rb"|!p)"  # soft reset
    rb"|[=>]"  # keypad
    rb"|[()*+][ -~]"  # character sets
    rb"|\][02];[^\x07\x1b]{0,512}+(?:\x07|\x1b\\)"  # title
    rb")"
)
_BRACKET, _COLOURS = ord("["), ord("m")
_ESCAPE = b"\x1b"
_FULL_RESET, _SOFT_RESET = b"\x1bc", b"\x1b[!p"
_NO_REGION = b"\x1b[r"  # all lines scroll
_SHIFT_OUT, _SHIFT_IN = b"\x0e", b"\x0f"

_MOUSE = {9, 1000, 1002, 1003}  # which events are reported; one at a time
_ENCODING = {1005, 1006, 1015, 1016}  # how; one at a time
_SCREEN = {47, 1047, 1049}  # the alternate screen
# 1 cursor keys, 6 origin, 7 wrap, 12 blink, 25 cursor, 45 reverse wrap, 66 keypad, 1004 focus, 1007 wheel,
# 2004 paste, 2031 colour scheme, 9001 win32 input. 2026 (synchronized output) never outlives its own bytes.
_PLAIN = {1, 6, 7, 12, 25, 45, 66, 1004, 1007, 2004, 2031, 9001}
_KNOWN = _MOUSE | _ENCODING | _SCREEN | _PLAIN
_ON_AFTER_RESET = {7, 25, 1007}

_FOREGROUND, _BACKGROUND, _UNDERLINE_COLOUR = 38, 48, 58
_ATTRIBUTES = {1, 2, 3, 4, 5, 6, 7, 8, 9, 21, 53}
_ENDED_BY = {22: (1, 2), 23: (3,), 24: (4, 21), 25: (5, 6), 27: (7,), 28: (8,), 29: (9,), 55: (53,)} | {
    39: (_FOREGROUND,),
    49: (_BACKGROUND,),
    59: (_UNDERLINE_COLOUR,),
}
_MAX_STACK = 16  # titles and keyboard flags that programs push; terminals keep about as many, then forget the oldest

_MAX_COLOURS = 256  # colour sequences taken apart that are remembered: programs use few of them very often

# Puts a terminal that is in use into the state of a reset one, its cells and title aside.
SOFT_RESET = b"\x1b[!p\x1b[?9;1000;1002;1003;1005;1006;1015;1016;2026l\x1b(B" + _SHIFT_IN


class Modes:
    """Follows output by `scan`; `prefix` puts a reset terminal into the same state."""

    def __init__(self) -> None:
        self._title = b""
        self._titles: list[bytes] = []
        self._reset()

    @property
    def alternate(self) -> int:
        """The private mode by which the alternate screen was entered, 0 on the normal one."""
        return self._alternate

    def scan(self, data: bytes, start: int = 0, end: int = sys.maxsize) -> None:
        """Take in output, or what of it lies from `start` to `end`; it ends between sequences."""
        # One octet is found far faster than a pattern, and what is printed by the megabyte often has none of it.
        if data.find(_ESCAPE, start, end) >= 0:
            reset = data.rfind(_FULL_RESET, start, end)
            if reset >= 0:
                self._follow(data, start, reset)  # titles outlive a reset
                self._reset()
                start = reset + len(_FULL_RESET)
            self._follow(data, start, end)
        else:
            self._follow_shifts(data, start, end)

    def drop_margins(self) -> None:
        """A resize has taken the scroll region away, as xterm.js does it."""
        self._region = [b"", b""]

    def prefix(self) -> bytes:
        """What puts a reset terminal into this state."""
        out = [b"\x1b]2;%s\x07" % self._title] if self._title else []
        out.append(self._region[0])
        out += [b"\x1b[>%su" % flags for flags in self._keyboard[0]]
        if self._alternate:
            out += [b"\x1b[?%dh" % self._alternate, self._region[1]]
            out += [b"\x1b[>%su" % flags for flags in self._keyboard[1]]
        out += [b"\x1b" + place + charset for place, charset in self._charsets.items() if charset != b"B"]
        for mode, on in sorted(self._plain.items()):
            if on != (mode in _ON_AFTER_RESET):
                out.append(b"\x1b[?%d%c" % (mode, b"lh"[on]))
        out += [b"\x1b[?%dh" % mode for mode in (self._mouse, self._encoding) if mode]
        out += [b"\x1b="] * self._keypad + [b"\x1b[4h"] * self._insert + [self._shift, self._cursor]
        if self._colours:
            out.append(b"\x1b[%sm" % b";".join(self._colours.values()))
        return b"".join(out)

    def _follow_shifts(self, data: bytes, start: int, end: int) -> None:
        out, back = data.rfind(_SHIFT_OUT, start, end), data.rfind(_SHIFT_IN, start, end)
        if out != back:
            self._shift = _SHIFT_OUT if out > back else b""

    def _follow(self, data: bytes, start: int, end: int) -> None:
        for sequence in _that_count(_SEQUENCE.findall(data, start, end)):
            if sequence[1] == _BRACKET:
                _CONTROL[sequence[-1]](self, sequence)
            else:
                self._escape(sequence)
        self._follow_shifts(data, max(start, data.rfind(_SOFT_RESET, start, end)), end)  # which shifts in

    def _reset(self) -> None:
        self._alternate = self._mouse = self._encoding = 0
        self._region = [b"", b""]  # of the normal and the alternate screen
        self._keyboard: tuple[list[bytes], list[bytes]] = ([], [])  # likewise
        self._soft_reset()

    def _soft_reset(self) -> None:
        self._plain: dict[int, bool] = {}
        self._saved: dict[int, bool] = {}
        self._colours: dict[int, bytes] = {}
        self._charsets: dict[bytes, bytes] = {}
        self._region[self._alternate > 0] = b""  # the other screen keeps its own, as in xterm.js
        self._keyboard[self._alternate > 0].clear()
        self._keypad = self._insert = False
        self._shift = self._cursor = b""

    def _escape(self, sequence: bytes) -> None:
        kind = sequence[1:2]
        if kind == b"]":
            self._title = sequence[4:].removesuffix(b"\x07").removesuffix(b"\x1b\\")
        elif kind in b"=>":
            self._keypad = kind == b"="
        else:
            self._charsets[kind] = sequence[2:]

    def _set_region(self, sequence: bytes) -> None:
        if sequence[2:3] == b"?":
            for mode in _numbers(sequence):
                if mode in self._saved:
                    self._set_private(mode, self._saved[mode])
        else:
            self._region[self._alternate > 0] = b"" if sequence == _NO_REGION else sequence

    def _set_mode(self, sequence: bytes) -> None:
        on = sequence.endswith(b"h")
        if sequence[2:3] == b"?":
            for mode in _numbers(sequence):
                self._set_private(mode, on)
        elif sequence[2:-1] == b"4":
            self._insert = on

    def _save_modes(self, sequence: bytes) -> None:
        for mode in _KNOWN.intersection(_numbers(sequence)):
            now = (self._mouse, self._encoding, self._alternate)
            self._saved[mode] = mode in now or self._plain.get(mode, mode in _ON_AFTER_RESET)

    def _set_private(self, mode: int, on: bool) -> None:
        if mode in _PLAIN:
            self._plain[mode] = on
        elif mode in _MOUSE:
            self._mouse = mode if on else 0
        elif mode in _ENCODING:
            self._encoding = mode if on else 0
        elif mode in _SCREEN:
            if on and not self._alternate:
                self._region[1] = b""
                self._keyboard[1].clear()  # whoever left it has taken its flags along
            self._alternate = mode if on else 0

    def _set_keyboard(self, sequence: bytes) -> None:
        stack = self._keyboard[self._alternate > 0]
        what, number = sequence[2:3], sequence[3:-1].split(b";")[0]
        if what == b">":
            stack.append(number or b"0")
            del stack[:-_MAX_STACK]
        elif what == b"<":
            del stack[max(0, len(stack) - int(number or b"1")) :]
        else:
            stack[-1:] = [number or b"0"]

    def _keep_title(self, sequence: bytes) -> None:
        if sequence.startswith(b"\x1b[22"):
            self._titles.append(self._title)
            del self._titles[:-_MAX_STACK]
        elif self._titles:
            self._title = self._titles.pop()

    def _set_cursor(self, sequence: bytes) -> None:
        self._cursor = sequence

    def _soften(self, _sequence: bytes) -> None:
        self._soft_reset()

    def _set_colours(self, sequence: bytes) -> None:
        for number, text in _colours(sequence):
            self._set_colour(number, text)

    def _set_colour(self, number: int, text: bytes) -> None:
        if number == 0:
            self._colours = {}
        elif number in _ENDED_BY:
            for ended in _ENDED_BY[number]:
                self._colours.pop(ended, None)
        elif number in _ATTRIBUTES:
            self._colours[number] = text
        elif number == _UNDERLINE_COLOUR:
            self._colours[_UNDERLINE_COLOUR] = text
        elif 30 <= number <= 38 or 90 <= number <= 97:
            self._colours[_FOREGROUND] = text
        elif 40 <= number <= 48 or 100 <= number <= 107:
            self._colours[_BACKGROUND] = text


_CONTROL: dict[int, Callable[[Modes, bytes], None]] = {
    ord("h"): Modes._set_mode,
    ord("l"): Modes._set_mode,
    ord("m"): Modes._set_colours,
    ord("p"): Modes._soften,
    ord("q"): Modes._set_cursor,
    ord("r"): Modes._set_region,
    ord("s"): Modes._save_modes,
    ord("t"): Modes._keep_title,
    ord("u"): Modes._set_keyboard,
}


def _that_count(sequences: list[bytes]) -> Iterable[bytes]:
    """The last of equal sequences, in the order of their last use: programs repeat few, and each sets something.

    Where one means something else after another (the alternate screen, stacks), all of them.
    """
    counted: list[bytes] = []
    plain = False  # a reset of the colours was met: what set them before it does not count either
    for sequence in dict.fromkeys(reversed(sequences)):
        if sequence[-1] == _COLOURS and sequence[1] == _BRACKET:
            if plain:
                continue
            plain = sequence in (b"\x1b[m", b"\x1b[0m")
        elif _depends(sequence):
            return sequences
        counted.append(sequence)
    return reversed(counted)


def _depends(sequence: bytes) -> bool:
    if sequence[2:3] == b"?":
        return sequence[-1] in b"rs" or not _SCREEN.isdisjoint(_numbers(sequence))
    return sequence[-1] in b"ut" and sequence[1] == _BRACKET


def _numbers(sequence: bytes) -> list[int]:
    return [int(field) for field in sequence[3:-1].split(b";") if field]


@lru_cache(_MAX_COLOURS)
def _colours(sequence: bytes) -> tuple[tuple[int, bytes], ...]:
    """What one sequence sets, in its order: each as its first number and its whole text."""
    fields = sequence[2:-1].split(b";")
    found = []
    at = 0
    while at < len(fields):
        number = int(fields[at].split(b":")[0] or b"0")
        width = _width(number, fields, at)
        found.append((number, b";".join(fields[at : at + width])))
        at += width
    return tuple(found)


def _width(number: int, fields: list[bytes], at: int) -> int:
    """How many fields belong to one colour: `38;2;R;G;B`, `38;5;N`, or all in one with colons."""
    if number not in (_FOREGROUND, _BACKGROUND, _UNDERLINE_COLOUR) or b":" in fields[at]:
        return 1
    return 5 if fields[at + 1 : at + 2] == [b"2"] else 3
