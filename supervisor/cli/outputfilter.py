"""What of a session's output may reach the asker's own terminal: all but what takes from it or gives to it unasked.

A program may draw what it likes. What it may not, unless allowed: read or write the clipboard (OSC 52, 5522, iTerm's
Copy), have the terminal say its own title as if it were typed (CSI 20 t, 21 t), move files (OSC 5113, iTerm's File,
kitty's pictures by path), or hide any of these inside device control strings of which only a few forms are known
to be drawings or questions. The forms are those of xterm's ctlseqs, iTerm2's and kitty's protocol pages.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator

CLIPBOARD, TITLE_REPORT, FILE_TRANSFER, DEVICE_CONTROL = "clipboard", "title-report", "file-transfer", "device-control"
CATEGORIES = (CLIPBOARD, TITLE_REPORT, FILE_TRANSFER, DEVICE_CONTROL)
MAX_HELD = 512  # octets of a beginning that cannot be judged yet; longer ones are nothing that we know, and dropped

# Terminals carry out C0 controls in the middle of a sequence and go on with it; only CAN, SUB and ESC end it.
_C0 = rb"[\x00-\x17\x19\x1c-\x1f\x7f]*"
# C1 controls come as ESC and a letter, as UTF-8, and bare where no UTF-8 character is going on.
_STRAY = rb"(?<![\x80-\xff])"
_CSI = rb"(?:\x1b" + _C0 + rb"\[|\xc2\x9b|" + _STRAY + rb"\x9b)"
_PARAMETERS = rb"[\x00-\x17\x19\x1c-\x3f\x7f]*"
_START = re.compile(
    rb"(?P<report>" + _CSI + rb"(?P<parameters>" + _PARAMETERS + rb")t)"
    rb"|(?P<string>\x1b" + _C0 + rb"(?P<letter>[\]P_^X])"
    rb"|\xc2(?P<utf>[\x90\x98\x9d-\x9f])|" + _STRAY + rb"(?P<bare>[\x90\x98\x9d-\x9f]))"
    rb"|(?P<cut>(?:\x1b" + _C0 + rb"|\xc2|" + _CSI + _PARAMETERS + rb")\Z)"
)
# Where `_START` may match. Looked for first, with patterns that begin with one octet, because the whole one is tried
# at every octet and reads 5 MB/s: an ESC that begins no ordinary sequence, and C1 controls.
_UNUSUAL = re.compile(rb"\x1b(?!\[[ -?]*[@-su-~])")
_UTF = re.compile(rb"\xc2(?:[\x90\x98\x9b\x9d-\x9f]|\Z)")
_BARE = re.compile(rb"(?:\A|[\x00-\x7f])(?=[\x90\x98\x9b\x9d-\x9f])")
_LETTERS = {b"\x90": b"P", b"\x98": b"X", b"\x9d": b"]", b"\x9e": b"^", b"\x9f": b"_"}
_END = re.compile(rb"[\x07\x18\x1a\x1b]|\xc2\x9c")
_SILENT = re.compile(rb"[\x00-\x06\x08-\x17\x19\x1c-\x1f\x7f]")  # BEL is not: it ends a string
_SILENT_IN_CSI = re.compile(rb"[\x00-\x17\x19\x1c-\x1f\x7f]")
_TITLE_REPORT = re.compile(rb"0*2[01](?:;.*)?", re.DOTALL)
_DRAWING = re.compile(rb"[0-9;]*q|\$q|\+q|=[0-9]+s")  # sixel, DECRQSS, XTGETTCAP, synchronized drawing
_COPIES = re.compile(rb"(?:Copy|EndCopy|PasteBoard)")
_FILES = re.compile(rb"(?:File|MultipartFile|FilePart|RequestUpload)")
_BY_PATH = re.compile(rb"(?:^|,)t=[fts]")
_PLAIN = ""  # the category of what needs no leave


class Filter:
    """Takes what a session sends, in any pieces, and gives what may be drawn. `allow`: categories that may pass."""

    def __init__(self, allow: frozenset[str] = frozenset()) -> None:
        self._allowed = allow | {_PLAIN}
        self._held = b""
        self._last = b""  # the octet before: whether a UTF-8 character is going on
        self._dropping = False

    def feed(self, data: bytes) -> bytes:
        context = self._last
        text = context + self._held + data
        at = len(context)
        self._held = b""
        self._last = text[-1:]
        return b"".join(self._pieces(text, at))

    def _pieces(self, text: bytes, at: int) -> list[bytes]:
        kept: list[bytes] = []
        candidates = _candidates(text, at)
        while at < len(text):
            if self._dropping:
                at = self._drop(text, at)
                continue
            found = next((m for here in candidates if here >= at and (m := _START.match(text, here))), None)
            if found is None:
                kept.append(text[at:])
                break
            kept.append(text[at : found.start()])
            at = self._judge(text, found, kept)
        return kept

    def _drop(self, text: bytes, at: int) -> int:
        """Where the string that is being dropped ends; an ESC may begin something else and is left."""
        end = _END.search(text, at)
        if end is None:
            if text.endswith(b"\xc2"):
                self._hold(b"\xc2")
            return len(text)
        self._dropping = False
        return end.start() if end.group() == b"\x1b" else end.end()

    def _judge(self, text: bytes, found: re.Match[bytes], kept: list[bytes]) -> int:
        if found["cut"] is not None:
            self._hold(text[found.start() :])
            return len(text)
        if found["report"] is not None:
            if self._passes(_report_category(found["parameters"])):
                kept.append(found.group())
            return found.end()
        letter = found["letter"] or _LETTERS[found["utf"] or found["bare"]]
        category = _string_category(letter, text[found.end() : found.end() + MAX_HELD])
        if category is None:
            self._hold(text[found.start() :])
            return len(text)
        if self._passes(category):
            kept.append(found.group())  # what is in the string is looked through like everything else
        else:
            self._dropping = True
        return found.end()

    def _hold(self, beginning: bytes) -> None:
        if len(beginning) <= MAX_HELD:
            self._held = beginning
            self._last = b""

    def _passes(self, category: str) -> bool:
        return category in self._allowed


def _candidates(text: bytes, at: int) -> Iterator[int]:
    """Where `_START` may match at or behind `at`, in order. Each pattern goes through the text once."""
    unusual = (found.start() for found in _UNUSUAL.finditer(text, at))
    if text.isascii():
        return unusual
    utf = (found.start() for found in _UTF.finditer(text, at))
    bare = (found.end() for found in _BARE.finditer(text, max(at - 1, 0)))
    return heapq.merge(unusual, utf, bare)


def _report_category(parameters: bytes) -> str:
    return TITLE_REPORT if _TITLE_REPORT.fullmatch(_SILENT_IN_CSI.sub(b"", parameters)) else _PLAIN


def _string_category(letter: bytes, rest: bytes) -> str | None:
    """What a control string is for, by its beginning; None while that cannot be told."""
    end = _END.search(rest)
    body = _SILENT.sub(b"", rest[: end.start()] if end else rest)
    whole = end is not None or len(rest) >= MAX_HELD
    if letter == b"]":
        return _osc_category(body, whole)
    if letter == b"P":
        return _dcs_category(body, whole)
    if letter == b"_" and (body or whole):
        return _apc_category(body, whole)
    return DEVICE_CONTROL if body or whole else None


def _osc_category(body: bytes, whole: bool) -> str | None:
    digits = re.match(rb"[0-9]*", body)
    assert digits is not None
    if digits.end() == len(body) and not whole:
        return None
    number = int(digits.group()[:9] or b"0")
    if number in (52, 5522):
        return CLIPBOARD
    if number == 5113:
        return FILE_TRANSFER
    if number == 1337:
        return _iterm_category(body[digits.end() + 1 :], whole)
    return _PLAIN


def _iterm_category(body: bytes, whole: bool) -> str | None:
    if len(body) < len(b"MultipartFile") and not whole and b"=" not in body:
        return None
    if _COPIES.match(body):
        return CLIPBOARD
    return FILE_TRANSFER if _FILES.match(body) else _PLAIN


def _dcs_category(body: bytes, whole: bool) -> str | None:
    if _DRAWING.match(body):
        return _PLAIN
    undecided = re.fullmatch(rb"[0-9;]*|\$|\+|=[0-9]*", body) is not None
    return None if undecided and not whole else DEVICE_CONTROL


def _apc_category(body: bytes, whole: bool) -> str | None:
    if not body.startswith(b"G"):
        return DEVICE_CONTROL
    keys, separator, _ = body[1:].partition(b";")
    if not separator and not whole:
        return None
    return FILE_TRANSFER if _BY_PATH.search(keys) else _PLAIN
