"""Keys as a browser is told of them: `keys("ls", "Enter", "Control+c")` are the strokes one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MODIFIERS = {"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}

# name: (virtual key code, the text that it gives)
NAMED = {
    "Backspace": (8, ""),
    "Tab": (9, ""),
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    "PageUp": (33, ""),
    "PageDown": (34, ""),
    "End": (35, ""),
    "Home": (36, ""),
    "ArrowLeft": (37, ""),
    "ArrowUp": (38, ""),
    "ArrowRight": (39, ""),
    "ArrowDown": (40, ""),
    "Delete": (46, ""),
    "F6": (117, ""),
}


def stroke(key: str) -> Iterator[dict[str, Any]]:
    """Down and up of one key: a character, a name of `NAMED`, either with modifiers before it as in `Shift+Tab`."""
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    held = sum(MODIFIERS[each] for each in modifiers)
    if last in NAMED:
        name, (code, text) = last, NAMED[last]
    elif last.isascii() and last.isalnum():
        name, code, text = f"{'Key' if last.isalpha() else 'Digit'}{last.upper()}", ord(last.upper()), last
    else:
        name, code, text = "", 0, last
    shown: dict[str, Any] = {"key": last, "code": name, "windowsVirtualKeyCode": code, "modifiers": held}
    if text and not held & ~MODIFIERS["Shift"]:
        yield {**shown, "type": "keyDown", "text": text}
    else:
        yield {**shown, "type": "rawKeyDown"}
    yield {**shown, "type": "keyUp"}
