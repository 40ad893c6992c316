"""The exchange by which a remote worker comes in: the answer of the bridge, from a file or stdin."""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import dataclass, field
from typing import Any

from supervisor.core.names import SESSION_ID
from workers.errors import Refused

MOST = 64 << 10  # octets; ours have half of one KiB
HINT = "make one on the box: rc bridge SESSION --out FILE"


@dataclass(frozen=True, slots=True)
class Exchange:
    """For one `session`. The token is a secret: it goes into no log, argument or environment."""

    session: str
    token: str = field(repr=False)

    @classmethod
    def from_json(cls, text: str) -> Exchange:
        """Raises Refused `invalid`."""
        try:
            value: Any = json.loads(text)
            token = value["worker_jwt"]
            session = value.get("session") or _claims(token)["session"]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise Refused("invalid", "this is not the answer of a bridge", HINT) from error
        if not (isinstance(token, str) and token.isascii() and token.isprintable()) or " " in token:
            raise Refused("invalid", "the token in this exchange is none", HINT)
        if not isinstance(session, str) or not SESSION_ID.fullmatch(session):
            raise Refused("invalid", "the session in this exchange is none", HINT)
        return cls(session, token)


def _claims(token: str) -> dict[str, Any]:
    """What a token says; whether it holds is the box's to judge."""
    part = token.partition(".")[2].partition(".")[0]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


@dataclass(frozen=True, slots=True)
class Source:
    """Where exchanges come from: a file, which whoever renews them writes anew; or one `given` once."""

    path: str = ""
    given: Exchange | None = None

    @property
    def is_renewed(self) -> bool:
        """Whether another one may come."""
        return self.given is None

    def read(self) -> Exchange:
        """Raises Refused `invalid`."""
        return self.given or Exchange.from_json(_read_file(self.path))


def source(path: str | None) -> Source:
    """By file or by stdin: any program of the account can read another's environment. Raises Refused `invalid`."""
    if path is not None and path != "-":
        return Source(path)
    if path is None and sys.stdin.isatty():
        raise Refused("invalid", "there is no exchange", f"give it by --bridge FILE or on stdin; {HINT}")
    return Source(given=Exchange.from_json(sys.stdin.read(MOST)))


def _read_file(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(MOST).decode()
    except OSError as error:
        raise Refused("invalid", f"{path} cannot be read: {error.strerror}", HINT) from error
    except UnicodeDecodeError as error:
        raise Refused("invalid", f"{path} holds no text", HINT) from error
