"""Keys in the octets of a WebSocket, found before the library that parses the rest has seen them.

A key is the one message whose way in must be short: a library's parser, its queue and a second task cost more than
the whole way out. So small whole binary frames are taken off the front of what was read; everything else, and
everything behind it, goes to the library unread. RFC 6455 §5.2 has the shape of a frame.
"""

from __future__ import annotations

from enum import Enum

MAX_MESSAGE = 256 << 10  # octets of one frame in either direction; a larger one closes with 1009
SMALL = 126  # payloads below this have their length in the second octet; a larger one is a paste, and not urgent
KEYS = 1  # the first octet of a message that holds keys
_BINARY = 0x82  # a whole binary message in one frame
_MASKED = 0x80
_FINAL = 0x80
_DATA = 0x03  # opcodes 0 to 2 are pieces of messages
_PING, _PONG = 0x9, 0xA


class Place(Enum):
    """Where in the line's messages we are, behind the last frame that was followed."""

    BETWEEN = "between two messages"
    INSIDE = "between the first and the last frame of one"
    BLIND = "nowhere: the line is ending, or this is not WebSocket, and the library has the last word"


class Frame(Enum):
    """What a frame is to the messages around it. One that is none of these leaves the line as it was."""

    LAST = "the end of a message, or a whole one"
    PIECE = "a part of a message that goes on"
    ODD = "a close, or what nobody negotiated"


_AFTER = {Frame.LAST: Place.BETWEEN, Frame.PIECE: Place.INSIDE, Frame.ODD: Place.BLIND}


class ClientFrames:
    """Follows a client's frames from the first octet after the handshake.

    `passed` counts the messages that were left to the library. Keys are taken only while the caller says that all
    of those are done with: nothing overtakes a command. `is_too_big`: a frame was announced that is longer than any
    message may be, of which nobody need wait for the end.
    """

    def __init__(self) -> None:
        self.passed = 0
        self.is_too_big = False
        self._skip = 0  # octets of a frame's payload that are still to come
        self._head = b""  # the beginning of a frame whose head is not whole yet
        self._place = Place.BETWEEN

    def feed(self, data: bytes, may_take: bool) -> tuple[list[bytes], bytes]:
        """(keys taken off the front, what is left for the library)."""
        taken: list[bytes] = []
        at = 0
        if may_take and self._place is Place.BETWEEN and not (self._skip or self._head):
            at = self._take(data, taken)
        rest = data[at:] if at else data
        if rest and self._place is not Place.BLIND:
            self._follow(rest)
        return taken, rest

    def _take(self, data: bytes, taken: list[bytes]) -> int:
        at = 0
        while len(data) - at > 7 and data[at] == _BINARY:
            length = data[at + 1] - _MASKED
            end = at + 6 + length
            if not 1 < length < SMALL or end > len(data) or data[at + 2] ^ data[at + 6] != KEYS:
                break
            mask = data[at + 2 : at + 6] * (length // 4 + 1)
            number = int.from_bytes(data[at + 6 : end], "big") ^ int.from_bytes(mask[:length], "big")
            taken.append(number.to_bytes(length, "big")[1:])
            at = end
        return at

    def _follow(self, data: bytes) -> None:
        """Where do the frames in `data` end, and what does the last of them leave open?"""
        if self._skip >= len(data):
            self._skip -= len(data)
            return
        data = self._head + data[self._skip :]
        self._skip, at = 0, 0
        while at < len(data):
            size = _head_size(data, at)
            if size is None or size > len(data) - at:
                break
            if not self._note(data[at]):
                return
            payload = _payload_size(data, at)
            self.is_too_big |= payload > MAX_MESSAGE
            at += size + payload
        self._head = data[at:]
        self._skip = max(at - len(data), 0)

    def _note(self, first: int) -> bool:
        """Take down one frame by its first octet. False: from here on nothing is taken."""
        frame = _kind(first)
        if frame is not None:
            self.passed += frame is Frame.LAST
            self._place = _AFTER[frame]
        return self._place is not Place.BLIND


def _kind(first: int) -> Frame | None:
    opcode = first & 0x7F  # with the reserved bits, which nobody negotiated
    if opcode < _DATA:
        return Frame.LAST if first & _FINAL else Frame.PIECE
    return None if opcode in (_PING, _PONG) else Frame.ODD


def _head_size(data: bytes, at: int) -> int | None:
    """Octets of a frame's head; None when the octet that says so has not come."""
    if len(data) - at < 2:
        return None
    length = data[at + 1] & 0x7F
    return 2 + (2 if length == 126 else 8 if length == 127 else 0) + (4 if data[at + 1] & _MASKED else 0)


def _payload_size(data: bytes, at: int) -> int:
    length = data[at + 1] & 0x7F
    if length < 126:
        return length
    return int.from_bytes(data[at + 2 : at + (4 if length == 126 else 10)], "big")
