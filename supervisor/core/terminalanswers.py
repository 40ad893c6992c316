"""What a terminal answers by itself, told apart from what a person types.

A terminal that draws a program's output answers the program's questions on the same line as the keys. Several
terminals may draw one session, so such answers count from one connection only, and never take a lease. The forms
are those of ECMA-48, xterm's ctlseqs, DEC's VT510 manual and kitty's keyboard and graphics protocols.
"""

from __future__ import annotations

import re

MAX_OPEN = 64 << 10  # octets of one answer that is cut over frames; somebody types what is still open after that

_CSI = (
    rb"\x1b\[(?:"
    rb"[IO]"  # focus in and out
    rb"|[?>=][0-9;:]*[ -/]*[@-~]"  # attributes, private status and modes, kitty's flags: no key has ?, > or =
    # Attributes, status, cursor, window and parameters. A cursor in row 1 has the form of Shift-F3 and its kin, and
    # counts as an answer: shells ask on a cleared screen, and taken for a key it would take somebody's lease.
    rb"|[0-9;]+(?:[cnRtx]|\$y)"
    rb")"
)
# Device control, operating system and graphics strings with what each answer has next; a bare ESC P is Alt-Shift-P.
_STRING = rb"\x1b(?:P[>!0-9]|\][0-9lL]|_G)[^\x07\x1b]*"
_ANSWER = re.compile(_CSI + rb"|" + _STRING + rb"(?:\x07|\x1b\\)")
_CUT_STRING = re.compile(_STRING + rb"\x1b?\Z")
_CUT_CSI = re.compile(rb"\x1b\[[?>=][0-9;:]*[ -/]*\Z")
_STRING_END = re.compile(rb"\x07|\x1b\\|(?=\x1b[^\\])")
_CSI_END = re.compile(rb"[@-~]|(?=[^ -?])")


class Sieve:
    """Sorts the frames of one connection; an answer that is cut over frames is followed to its end."""

    def __init__(self) -> None:
        self._end: re.Pattern[bytes] | None = None  # how the open answer ends, while one is open
        self._escaped = False  # whether an open string has an ESC as its last octet, half of its end
        self._size = 0

    def has_answers(self, frame: bytes) -> bool:
        """Whether some of the frame may be an answer; most keys have no ESC, and need not be sorted."""
        return b"\x1b" in frame or self._end is not None

    def sort(self, frame: bytes) -> list[tuple[bool, bytes]]:
        """The frame in pieces, in order: (True, what the terminal answered) and (False, what was typed)."""
        sorted_: list[tuple[bool, bytes]] = []
        at = self._close(frame) if self._end is not None else 0
        if at:
            sorted_.append((True, frame[:at]))
        if self._end is None:
            self._sort_rest(frame, at, sorted_)
        return sorted_

    def _close(self, frame: bytes) -> int:
        """How much of the frame belongs to the open answer."""
        assert self._end is not None
        if self._escaped:
            self._escaped = False
            self._end = None
            return 1 if frame.startswith(b"\\") else 0
        match = self._end.search(frame)
        if match is not None:
            self._end = None
            return match.end()
        self._size += len(frame)
        if self._size > MAX_OPEN:
            self._end = None
            return 0
        self._escaped = self._end is _STRING_END and frame.endswith(b"\x1b")
        return len(frame)

    def _sort_rest(self, frame: bytes, at: int, sorted_: list[tuple[bool, bytes]]) -> None:
        for match in _ANSWER.finditer(frame, at):
            if match.start() > at:
                sorted_.append((False, frame[at : match.start()]))
            sorted_.append((True, match.group()))
            at = match.end()
        string = _CUT_STRING.search(frame, at)
        cut = string or _CUT_CSI.search(frame, at)
        typed = frame[at : cut.start() if cut else None]
        if typed:
            sorted_.append((False, typed))
        if cut is not None:
            sorted_.append((True, cut.group()))
            self._end = _STRING_END if string else _CSI_END
            self._escaped = string is not None and frame.endswith(b"\x1b")
            self._size = len(cut.group())
