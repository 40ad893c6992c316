"""What somebody else wrote, made safe to print on a terminal: control and bidirectional characters become visible."""

from __future__ import annotations

import re

# C0, DEL and C1 drive the terminal; U+202A–E and U+2066–9 turn the order of what is read; a lone surrogate (an octet
# of a path that is not UTF-8) cannot be encoded, so that printing it would raise.
_HIDDEN = "\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_IN_A_LINE = re.compile(f"[\t\n{_HIDDEN}]")
_IN_A_BLOCK = re.compile(f"[{_HIDDEN}]")


def visible(text: str) -> str:
    """One line of text, whatever was in it: ESC becomes the four characters `\\x1b`, a line break `\\n`."""
    return _IN_A_LINE.sub(_escape, text)


def visible_block(text: str) -> str:
    """Text of many lines (a patch, a message): like `visible`, but line feeds and tabs stay what they are."""
    return _IN_A_BLOCK.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")
