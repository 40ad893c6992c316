"""Pairing: how a new device and the box become sure of each other, by a commitment and six typed digits.

The device commits itself to its key before it learns the box's nonce, and both derive a number from all of it. Who
stands between them with keys of their own must commit as well, and cannot look for keys that give the same number.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from supervisor.core.forwarded import site_of
from workers.errors import Refused

PAIRING_PREFIX = "pairing_"  # of the id of each; among the keys of what a box tells they are known by it
PAIRING_SECONDS = 300.0
WRONG_CODES = 5  # of one pairing; with 30 secret bits a guesser's chance is 5 in a thousand million
NUMBER_DIGITS = 6
WRONG_NUMBERS = 3  # an attacker's chance is one in a million for each
TRIES_SECONDS = 600.0
TRIES_PER_ADDRESS = 20
TRIES_PER_BOX = 100
CONTENDERS_KEPT = 8  # addresses that came second; who is shown these has seen enough
LABEL_LIMIT = 64  # characters, as of a session's name
NONCE_OCTETS = 32
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base 32: no I, L, O or U
CODE_OCTETS = 5
NAME_LENGTH = 2  # characters of a code that name the pairing; the other six are its secret
_MISREAD = str.maketrans("ILO", "110", "- ")


def b64u(octets: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def read_b64u(text: str, *lengths: int) -> bytes:
    """What `b64u` wrote, of one of these lengths. Raises Refused(`invalid`), which does not repeat it."""
    try:
        octets = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if len(octets) not in lengths or b64u(octets) != text:
        wanted = " or ".join(str(length) for length in lengths)
        raise Refused("invalid", f"this is not base64url of {wanted} octets", "see /openapi.json for what this takes")
    return octets


def commitment(device_key: bytes, nonce_d: bytes) -> bytes:
    """What the device says first."""
    return hashlib.sha256(b"rc-pair-1" + device_key + nonce_d).digest()


def number(box_key: bytes, device_key: bytes, nonce_b: bytes, nonce_d: bytes) -> str:
    """The six digits that the device shows and a person types at the box."""
    digest = hashlib.sha256(b"rc-number-1" + box_key + device_key + nonce_b + nonce_d).digest()
    return f"{int.from_bytes(digest, 'big') % 10**NUMBER_DIGITS:0{NUMBER_DIGITS}}"


def spell(octets: bytes) -> str:
    """Five octets as a code for people, `XXXX-XXXX`."""
    value = int.from_bytes(octets, "big")
    letters = "".join(ALPHABET[value >> 5 * place & 31] for place in range(7, -1, -1))
    return f"{letters[:4]}-{letters[4:]}"


def read_code(text: str) -> str:
    """A code as somebody typed it, without its dash. Raises Refused(`invalid`)."""
    letters = text.upper().translate(_MISREAD)
    if len(letters) != 8 or not set(letters) <= set(ALPHABET):
        raise Refused(
            "invalid", "a code has eight letters and digits, such as 7K3Q-2XWM", "type it as the box shows it"
        )
    return letters


def check_label(label: str) -> str:
    """What a device is called. Raises Refused(`invalid`)."""
    label = label.strip()
    if not 1 <= len(label) <= LABEL_LIMIT or not label.isprintable():
        detail = f"a label has 1 to {LABEL_LIMIT} characters, none of them a control or format character"
        raise Refused("invalid", detail, "such as: Ana's phone", field="label")
    return label


class Tries:
    """Wrong codes of the last ten minutes, by network and in all. Bounded by what is allowed in all."""

    def __init__(self) -> None:
        self._wrong: deque[tuple[float, str]] = deque()

    def check(self, address: str, now: float) -> None:
        """Raises Refused(`rate_limited`) when this address, or everybody together, has been wrong too often."""
        while self._wrong and self._wrong[0][0] <= now - TRIES_SECONDS:
            self._wrong.popleft()
        theirs = [at for at, network in self._wrong if network == site_of(address)]
        for at, limit in ((theirs, TRIES_PER_ADDRESS), ([at for at, _ in self._wrong], TRIES_PER_BOX)):
            if len(at) >= limit:
                seconds = int(at[0] + TRIES_SECONDS - now) + 1
                detail = "too many wrong codes were typed in the last ten minutes"
                raise Refused("rate_limited", detail, "open the pairing link instead, or wait", retry_after=seconds)

    def count(self, address: str, now: float) -> None:
        """One that was wrong, after `check`."""
        self._wrong.append((now, site_of(address)))


class State(Enum):
    """How far a pairing has come. To the device all before the last three are `waiting`."""

    INVITED = "invited"
    CLAIMED = "claimed"
    OPENED = "opened"
    SETTLING = "settling"  # the number was right, the device is being written down
    ACCEPTED = "accepted"
    REFUSED = "refused"
    EXPIRED = "expired"


class Trigger(Enum):
    CLAIMED = "somebody knew the code or the secret"
    OPENED = "the claimer opened its commitment"
    NUMBER_RIGHT = "the right number was typed at the box"
    WRITTEN = "the device is on disk"
    NOT_WRITTEN = "the device could not be written down"
    ENDED = "wrong too often, or called off"
    TIME_UP = "five minutes are over"


MOVES = {
    (State.INVITED, Trigger.CLAIMED): State.CLAIMED,
    (State.INVITED, Trigger.ENDED): State.REFUSED,
    (State.INVITED, Trigger.TIME_UP): State.EXPIRED,
    (State.CLAIMED, Trigger.OPENED): State.OPENED,
    (State.CLAIMED, Trigger.ENDED): State.REFUSED,
    (State.CLAIMED, Trigger.TIME_UP): State.EXPIRED,
    (State.OPENED, Trigger.NUMBER_RIGHT): State.SETTLING,
    (State.OPENED, Trigger.ENDED): State.REFUSED,
    (State.OPENED, Trigger.TIME_UP): State.EXPIRED,
    (State.SETTLING, Trigger.WRITTEN): State.ACCEPTED,
    (State.SETTLING, Trigger.NOT_WRITTEN): State.OPENED,
}
SETTLED = (State.ACCEPTED, State.REFUSED, State.EXPIRED)


@dataclass(frozen=True, slots=True)
class Claim:
    """Who came first. `commit` and `nonce_b` are secret until the commitment is opened."""

    address: str
    commit: bytes = field(repr=False)
    nonce_b: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """Which device it is. `key` is the text of its public key."""

    key: str
    kind: str
    label: str
    number: str = field(repr=False)


class Pairing:
    """One invitation of one device. Times are seconds of a clock that goes on while the machine sleeps.

    `name` is the part of the code that names it; its secrets are kept as SHA-256. `expires_at` says `due` as people
    read it. `on_change` is called after each move
    and each thing that the box shows.
    """

    def __init__(
        self, id: str, code: str, secret: str, due: float, expires_at: str, on_change: Callable[[], None]
    ) -> None:
        letters = read_code(code)
        self.id = id
        self.name = letters[:NAME_LENGTH]
        self.due = due
        self.expires_at = expires_at
        self.state = State.INVITED
        self.claimed: Claim | None = None
        self.opened: Opened | None = None
        self.contenders: dict[str, None] = {}
        self.tries_left = WRONG_CODES  # of codes; once it is claimed, of numbers
        self._code = _digest(letters)
        self._secret = _digest(secret)
        self._on_change = on_change

    @property
    def is_settled(self) -> bool:
        return self.state in SETTLED

    @property
    def shown_state(self) -> str:
        """As the device and the box are told."""
        return self.state.value if self.is_settled else "waiting"

    def knows_secret(self, secret: str) -> bool:
        return hmac.compare_digest(_digest(secret), self._secret)

    def knows_code(self, letters: str) -> bool:
        """Whether this whole code, as `read_code` gives it, is ours. A wrong one counts, until somebody has claimed."""
        if hmac.compare_digest(_digest(letters), self._code):
            return True
        if self.state is State.INVITED:
            self._missed()
        return False

    def claim(self, commit: bytes, nonce_b: bytes, address: str) -> bytes:
        """Take it for the one who knows its secret: the nonce to answer with. The same commitment once more gets the
        first answer, which may have been lost. Raises Refused(`already_claimed`) for anybody else."""
        if self.claimed is None:
            self._check_open()
            self.claimed = Claim(address, commit, nonce_b)
            self.tries_left = WRONG_NUMBERS
            self._move(Trigger.CLAIMED)
        elif not hmac.compare_digest(self.claimed.commit, commit):
            if len(self.contenders) < CONTENDERS_KEPT:
                self.contenders[address] = None
            self._on_change()
            raise Refused(
                "already_claimed",
                "another device has claimed this pairing",
                "if that was not you, refuse it at the box; make another with rc pair",
            )
        return self.claimed.nonce_b

    def open(self, device_key: bytes, nonce_d: bytes, box_key: bytes, kind: str, label: str) -> None:
        """Open the commitment. One that does not hold ends the pairing: Refused(`invalid`)."""
        if self.claimed is None:
            raise self._not_now("it has not been claimed")
        if not hmac.compare_digest(commitment(device_key, nonce_d), self.claimed.commit):
            if self.state is State.CLAIMED:
                self._move(Trigger.ENDED)
            raise Refused("invalid", "the commitment does not hold, and the pairing has ended", "rc pair makes another")
        if self.state is State.CLAIMED:
            self.opened = Opened(
                b64u(device_key), kind, label, number(box_key, device_key, self.claimed.nonce_b, nonce_d)
            )
            self._move(Trigger.OPENED)

    def accept(self, typed: str) -> Opened:
        """Take the number that a person typed at the box: the device to write down, then `settle`.

        Raises Refused: `invalid` for a wrong number, with `tries_left`, `invalid_state` when there is none to type.
        """
        if self.state is not State.OPENED or self.opened is None:
            raise self._not_now("no device waits for its number")
        if not hmac.compare_digest(typed.encode(), self.opened.number.encode()):
            self._missed()
            detail, hint = "this is not the number", "type the six digits that the new device shows"
            if self.is_settled:
                detail, hint = "this is not the number, and the pairing has ended", "rc pair makes another"
            raise Refused("invalid", detail, hint, tries_left=self.tries_left)
        self._move(Trigger.NUMBER_RIGHT)
        return self.opened

    def settle(self, *, is_written: bool) -> None:
        """How writing the device down went."""
        self._move(Trigger.WRITTEN if is_written else Trigger.NOT_WRITTEN)

    def call_off(self) -> None:
        """End it, if that has a meaning yet."""
        if (self.state, Trigger.ENDED) in MOVES:
            self._move(Trigger.ENDED)

    def expire(self, now: float) -> None:
        """End it when its time is up."""
        if now >= self.due and (self.state, Trigger.TIME_UP) in MOVES:
            self._move(Trigger.TIME_UP)

    def _check_open(self) -> None:
        if self.state is not State.INVITED:
            raise Refused("not_found", "no pairing waits for this code or link", "rc pair makes another")

    def _not_now(self, why: str) -> Refused:
        why = f"the pairing is {self.state.value}" if self.is_settled else why
        return Refused("invalid_state", why, "rc pair makes another" if self.is_settled else "try again in a moment")

    def _missed(self) -> None:
        self.tries_left -= 1
        if self.tries_left == 0:
            self._move(Trigger.ENDED)
        else:
            self._on_change()

    def _move(self, trigger: Trigger) -> None:
        self.state = MOVES[self.state, trigger]
        self._on_change()


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
