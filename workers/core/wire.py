"""The link between supervisor and worker: frames, and the handshake that proves both ends know the bundle's key.

A frame is a header of 13 octets (payload length, kind, number; big endian) and its payload. The number is a `seq`,
a terminal offset or a request's number, by kind. The handshake, three frames:

    worker      CHALLENGE  {"version", "nonce"}
    supervisor  HELLO      {"version", "epoch", "supervisor", "nonce", "mac"}
    worker      WELCOME    {"mac", …state of the session}      or STALE {"epoch"} and the end

`mac` is HMAC-SHA-256 under the bundle's key over the speaker's role, both nonces, the epoch, the supervisor's id and
the session's id, so that neither side's proof can be played back as the other's, nor for another session or epoch.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from enum import IntEnum
from typing import Any, NamedTuple

from workers.errors import Broken

WIRE_VERSION = 1
HEAD = struct.Struct(">IBQ")
MAX_PAYLOAD = 1 << 20  # an update is cut at 192 KiB and a read of the PTY at 64 KiB; more than this is not our peer


class Kind(IntEnum):
    """What a frame is. Below 20 the worker speaks, from 20 the supervisor."""

    CHALLENGE = 1
    WELCOME = 2
    STALE = 3
    EVENT = 10  # number: seq; payload: 8 octets of time (ns since 1970), then the event's body as journalled
    OUTPUT = 11  # number: offset of the first octet; payload: terminal output
    # number: offset from which OUTPUT frames go on; what lies before is on disk. With it may come a descriptor of the
    # terminal: while nothing that was sent for it over the link waits, keys are written there, without the worker
    LIVE = 12
    PROGRESS = 13  # number: terminal offset, told at most once a second while muted
    # number: the request's; payload: JSON {"seq", "repeat"?} or {"error": {"code", "detail", "hint"}} or a snapshot
    ANSWER = 14
    PONG = 15  # number: the ping's
    TYPED = 16  # number: that of KEYS: they, and all that was typed before them, are with the program
    HELLO = 20
    # number: the request's; payload: JSON {"command", "by", "origin", "refusal"?, "until"?}, the last by the monotonic
    # clock: what the worker takes later it does not carry out
    COMMAND = 21
    KEYS = 22  # payload: octets for the terminal, perhaps none; number: 0, or that of the TYPED wanted for it
    MUTE = 23  # nobody looks: send events only
    UNMUTE = 24  # somebody looks: answer with LIVE, then OUTPUT
    SNAPSHOT = 25  # number: the request's; payload: JSON {"want": octets of tail}
    PING = 26
    # number: milliseconds for which the program is not read after each 64 KiB, while others print as much as it does;
    # said again now and then, else it is forgotten
    PACE = 27


_KINDS = {kind.value: kind for kind in Kind}  # found faster than by the class, and every key passes here twice


class Frame(NamedTuple):  # a tuple, because every key and every piece of output is one, several times
    """One message of the link."""

    kind: Kind
    number: int = 0
    payload: bytes = b""

    def head(self) -> bytes:
        """What goes before the payload."""
        return HEAD.pack(len(self.payload), self.kind, self.number)

    def encode(self) -> bytes:
        return self.head() + self.payload

    def json(self) -> Any:
        """The payload as JSON. Raises Broken when it is not."""
        try:
            return json.loads(self.payload)
        except (ValueError, RecursionError) as error:  # the latter for what is nested too deep
            raise Broken(f"a {self.kind.name} frame without JSON") from error


def json_frame(kind: Kind, value: object, number: int = 0) -> Frame:
    # Octets for octets: escaped, a text in most scripts would take three times the room. Half a surrogate pair, which
    # a file name may hold, has no octets; backslashes make of it what JSON would have made.
    return Frame(kind, number, json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace"))


class Reader:
    """Cuts a stream of octets into frames. Raises Broken for what cannot be ours."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        if self._rest:
            data = self._rest + data
        frames: list[Frame] = []
        at, size = 0, len(data)
        while size - at >= HEAD.size:
            length, kind, number = HEAD.unpack_from(data, at)
            if length > MAX_PAYLOAD:
                raise Broken(f"a frame of {length} octets")
            end = at + HEAD.size + length
            if end > size:
                break
            if kind not in _KINDS:
                raise Broken(f"a frame of unknown kind {kind}")
            frames.append(Frame(_KINDS[kind], number, data[at + HEAD.size : end]))
            at = end
        self._rest = data[at:]
        return frames


def proof(key: bytes, role: str, nonces: tuple[str, str], epoch: int, supervisor: str, session: str) -> str:
    """What `role` (`worker` or `supervisor`) shows to prove that it knows `key`; hexadecimal."""
    words = [role, *nonces, str(epoch), supervisor, session]
    return hmac.new(key, _octets("\x1f".join(words)), hashlib.sha256).hexdigest()


def proven(
    given: object, key: bytes, role: str, nonces: tuple[str, str], epoch: int, supervisor: str, session: str
) -> bool:
    """Whether `given` is the other side's proof; compared in constant time."""
    return isinstance(given, str) and hmac.compare_digest(
        _octets(given), proof(key, role, nonces, epoch, supervisor, session).encode()
    )


def _octets(words: str) -> bytes:
    # They come from whoever connects: half a surrogate pair is wrong, not a reason to fall over it.
    return words.encode(errors="backslashreplace")
