"""JSON Web Signatures (RFC 7515) as we take them: the compact form, in few characters, by few algorithms."""

from __future__ import annotations

import re
from typing import Any

from joserfc.errors import UnsupportedAlgorithmError
from joserfc.jws import JWSRegistry

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)


class OnlyThese(JWSRegistry):
    """These algorithms, whatever else the library knows; `most` is in characters, and bounds every part."""

    def __init__(self, *algorithms: str, most: int) -> None:
        super().__init__(algorithms=list(algorithms))
        self.max_header_length = self.max_payload_length = self._most = most

    def get_alg(self, name: str) -> Any:
        # In place of the library's own, which would warn of EdDSA's name; RFC 9449 clients send it.
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError(f"{name!r} is none of the algorithms that count here")
        return self.algorithms[name]

    def fits(self, text: str) -> bool:
        """Whether it looks like one, before anything of it is decoded."""
        return len(text) <= self._most and _COMPACT.fullmatch(text) is not None
