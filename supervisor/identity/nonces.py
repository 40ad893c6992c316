"""Freshness of proofs: nonces that the box makes from the time alone, and the proofs it has seen under them."""

from __future__ import annotations

import hashlib
import hmac

from supervisor.core.pairing import b64u
from supervisor.core.proofs import INVALID_PROOF, USE_NONCE, unauthenticated
from workers.errors import Refused

WINDOW_SECONDS = 300.0  # a nonce is good for one to two of these: about as long as an access token
# Proofs of one device in one window: 200 requests a second, more than any script makes that should not be stopped.
# Only devices that the box knows can fill this.
SEEN_OF_ONE = 60_000
SEEN_OF_ALL = 500_000  # of all devices together, 100 octets each; see `Nonces._remember` for what happens when full


class Nonces:
    """`now` is a clock that goes on while the machine sleeps. Nothing is kept for a nonce until a proof has used it."""

    def __init__(self, secret: bytes, most: int = SEEN_OF_ONE, most_of_all: int = SEEN_OF_ALL) -> None:
        self._secret = secret
        self._most = most
        self._room = most_of_all
        self._seen: dict[int, dict[str, set[bytes]]] = {}  # by window, then by key

    def current(self, now: float) -> str:
        return self._of(int(now // WINDOW_SECONDS))

    def use(self, nonce: object, key: str, jti: str, now: float) -> None:
        """Take a proof by `key`, whose signature holds, once. Raises Refused: `unauthenticated` for a nonce that is not
        ours or too old, and for a proof that was used before; `rate_limited` when we cannot remember more of them."""
        window = int(now // WINDOW_SECONDS)
        for past in [each for each in self._seen if each < window - 1]:
            self._room += sum(map(len, self._seen.pop(past).values()))
        for each in (window, window - 1):
            if isinstance(nonce, str) and hmac.compare_digest(
                self._of(each).encode(), nonce.encode("utf-8", "replace")
            ):
                self._remember(self._seen.setdefault(each, {}).setdefault(key, set()), jti)
                return
        raise unauthenticated(USE_NONCE, "the proof has no nonce of this box, or one too old", "use the DPoP-Nonce")

    def _remember(self, seen: set[bytes], jti: str) -> None:
        """No device has more than there is still room for. So one alone gets half of all, of many that ask too often
        each gets the same, that much is left for all others, and who is refused is always who has most."""
        digest = hashlib.sha256(jti.encode("utf-8", "surrogatepass")).digest()[:16]
        if digest in seen:
            raise unauthenticated(INVALID_PROOF, "this proof was used before", "make one for each request")
        if len(seen) >= min(self._most, self._room):
            raise Refused("rate_limited", "this device asks too often", "wait five minutes")
        seen.add(digest)
        self._room -= 1

    def _of(self, window: int) -> str:
        return b64u(hmac.digest(self._secret, window.to_bytes(8, "big", signed=True), "sha256")[:18])
