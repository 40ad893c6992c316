"""Refusals on the wire: the headers that every answer carries, and a problem object as a response."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus

from supervisor.core.reach import is_ip
from supervisor.errors import problem, status_of
from workers.errors import Refused

MEDIA_TYPE = b"application/problem+json"

# Answers are data for programs: never a page, never kept, never framed, never guessed at.
SECURITY_HEADERS: list[tuple[bytes, bytes]] = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


# Under TLS a browser that knows us by name comes by TLS from then on. The days are few because the name's other ports
# are bound as well, and a name that is ours today may be somebody else's.
TRANSPORT_SECURITY = (b"strict-transport-security", b"max-age=2592000")


def transport_security(host: str, is_tls: bool) -> list[tuple[bytes, bytes]]:
    """What else a client is told that came to this host, as its URL has it: an address has no such memory, and
    localhost is the name of too many things."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return [TRANSPORT_SECURITY] if is_tls and not is_ip(name) and name != "localhost" else []


def to_json(value: object) -> bytes:
    """JSON in ASCII: a file name that is no UTF-8 becomes an escaped lone surrogate instead of a fault."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def problem_response(refused: Refused, status: int | None = None) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers (without those of every answer) and body of a refusal. `status` is one that HTTP demands where
    it says more than the code's own."""
    status = status or status_of(refused.code)
    body = to_json({**problem(refused), "status": status})
    headers = [(b"content-type", MEDIA_TYPE), (b"content-length", str(len(body)).encode())]
    if refused.code == "unauthenticated":
        error = f', error="{refused.fields["error"]}"' if "error" in refused.fields else ""
        headers.append((b"www-authenticate", f'DPoP algs="ES256 EdDSA"{error}'.encode("ascii")))
    if "retry_after" in refused.fields:
        headers.append((b"retry-after", str(refused.fields["retry_after"]).encode("ascii")))
    allow = refused.fields.get("allow")
    if isinstance(allow, list):
        headers.append((b"allow", ", ".join(allow).encode("ascii")))
    return status, headers, body


def closing_response(refused: Refused, method: str = "GET", more: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
    """A whole HTTP/1.1 response to a request by `method`, for a connection that ends with it."""
    status, headers, body = problem_response(refused)
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode("ascii")]
    lines += [name + b": " + value for name, value in [*headers, *SECURITY_HEADERS, *more, (b"connection", b"close")]]
    return b"\r\n".join(lines) + b"\r\n\r\n" + (b"" if method == "HEAD" else body)
