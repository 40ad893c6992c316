"""A device that pairs with a box and proves itself for each request, as plain as can be: it blocks."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import socket
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.flows.rawstream import RawStream
from tests.supervisor.web.doors import trusting_context

SECONDS = 40.0
Owner = Callable[..., tuple[int, Any]]  # `BoxProcess.call`: a request on the box's own socket


def b64u(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class Key:
    """A device's key: P-256 as a browser has it, or Ed25519. `octets` are the public key."""

    def __init__(self, kind: str = "P-256") -> None:
        self.kind = kind
        if kind == "P-256":
            self._p256 = ec.generate_private_key(ec.SECP256R1())
            numbers = self._p256.public_key().public_numbers()
            x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
            self.octets = b"\x04" + x + y
            self.jwk: dict[str, object] = {"kty": "EC", "crv": "P-256", "x": b64u(x), "y": b64u(y)}
        else:
            self._ed25519 = Ed25519PrivateKey.generate()
            self.octets = self._ed25519.public_key().public_bytes_raw()
            self.jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64u(self.octets)}

    @property
    def text(self) -> str:
        return b64u(self.octets)

    @property
    def algorithm(self) -> str:
        return "ES256" if self.kind == "P-256" else "EdDSA"

    def sign(self, data: bytes) -> bytes:
        if self.kind != "P-256":
            return self._ed25519.sign(data)
        r, s = decode_dss_signature(self._p256.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def jws(self, header: dict[str, object], claims: object) -> str:
        """Anything, signed."""
        signed = ".".join(b64u(json.dumps(part).encode()) for part in (header, claims))
        return f"{signed}.{b64u(self.sign(signed.encode()))}"

    def proof(self, method: str, url: str, nonce: str | None, token: str | None = None, /, **other: object) -> str:
        """A proof for one request; `other` claims win."""
        claims: dict[str, object] = {"htm": method, "htu": url, "iat": int(time.time()), "jti": str(uuid.uuid4())}
        if nonce is not None:
            claims["nonce"] = nonce
        if token is not None:
            claims["ath"] = b64u(hashlib.sha256(token.encode()).digest())
        header: dict[str, object] = {"typ": "dpop+jwt", "alg": self.algorithm, "jwk": self.jwk}
        return self.jws(header, {**claims, **other})


class Answer:
    """One response, whole; header names are lower-case."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code of a problem, None for what is none."""
        code: str | None = self.json["code"] if "problem" in self.headers.get("content-type", "") else None
        return code


def send(url: str, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Answer:
    """One request by TCP, on a connection of its own."""
    place = urlsplit(url)
    if place.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            place.hostname or "", place.port, timeout=SECONDS, context=trusting_context()
        )
    else:
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=SECONDS)
    try:
        data = None if body is None else json.dumps(body).encode()
        named = {} if data is None else {"content-type": "application/json"}
        connection.request(method, path, data, {**named, **(headers or {})})
        return Answer(connection.getresponse())
    finally:
        connection.close()


class Claimant:
    """A device on its way in. `number` is what it shows once it has opened its commitment."""

    def __init__(self, url: str, key: Key | None = None) -> None:
        self.url = url.rstrip("/")
        self.key = key or Key()
        self.nonce_d = os.urandom(32)
        self.id = ""
        self.number = ""

    @property
    def commit(self) -> str:
        return b64u(hashlib.sha256(b"rc-pair-1" + self.key.octets + self.nonce_d).digest())

    def claim(self, **by: str) -> Answer:
        """With `code` or `secret`."""
        answer = send(self.url, "POST", "/v1/pairings/claim", {**by, "commit": self.commit})
        if answer.status == 200:
            self.id = answer.json["id"]
            box_key, nonce_b = (_octets(answer.json[name]) for name in ("box_key", "nonce_b"))
            digest = hashlib.sha256(b"rc-number-1" + box_key + self.key.octets + nonce_b + self.nonce_d).digest()
            self.number = f"{int.from_bytes(digest, 'big') % 10**6:06}"
        return answer

    def open(self, label: str = "a test's phone") -> Answer:
        body = {"device_key": self.key.text, "nonce_d": b64u(self.nonce_d), "label": label}
        return send(self.url, "POST", f"/v1/pairings/{self.id}/open", body)

    def wait(self) -> Answer:
        """Ask how it went; the box answers when it knows, or after 25 s."""
        return PairedDevice(self.url, self.key, "").prove("GET", f"/v1/pairings/{self.id}")


class PairedDevice:
    """A device that a box knows by `key`. `url` is where it finds the box; `id` is the device's."""

    def __init__(self, url: str, key: Key, id: str) -> None:
        self.url = url.rstrip("/")
        self.key = key
        self.id = id
        self.nonce: str | None = None
        self.token: str | None = None

    @classmethod
    def pair(cls, url: str, owner: Owner, kind: str = "P-256", label: str = "a test's phone") -> PairedDevice:
        """A new device of the box at `url`; `owner` asks on the box's socket, as `BoxProcess.call` does."""
        status, invitation = owner("POST", "/v1/pairings", {})
        assert status == 201, invitation
        claimant = Claimant(url, Key(kind))
        secret = invitation["url"].partition("#")[2].partition(".")[0]
        claimed = claimant.claim(secret=secret)
        assert claimed.status == 200, claimed.body
        opened = claimant.open(label)
        assert opened.status == 200, opened.body
        status, device = owner("POST", f"/v1/pairings/{claimant.id}/accept", {"number": claimant.number})
        assert status == 200, device
        return cls(url, claimant.key, device["id"])

    @classmethod
    def machine(cls, url: str, owner: Owner, kind: str = "Ed25519") -> PairedDevice:
        """A machine device, which needs no pairing."""
        key = Key(kind)
        status, device = owner("POST", "/v1/devices", {"kind": "machine", "public_key": key.text, "label": "a script"})
        assert status == 201, device
        return cls(url, key, device["id"])

    def prove(self, method: str, path: str, body: object = None, token: str | None = None, **headers: str) -> Answer:
        """One request with a proof; a stale nonce is renewed once. `headers` go with it, `_` standing for `-`."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        for _ in range(2):
            proof = self.key.proof(method, self.url + path.partition("?")[0], self.nonce, token)
            signed = {"authorization": f"DPoP {token}"} if token is not None else {}
            answer = send(self.url, method, path, body, {"dpop": proof, **signed, **more})
            self.nonce = answer.headers.get("dpop-nonce", self.nonce)
            if "use_dpop_nonce" not in answer.headers.get("www-authenticate", ""):
                break
        return answer

    def sign_in(self) -> str:
        """A new access token."""
        answer = self.prove("POST", "/v1/tokens")
        assert answer.status == 200, answer.body
        self.token = answer.json["access_token"]
        return self.token

    def request(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """One request by token and proof; a token is fetched when there is none, or the one there is has expired."""
        for _ in range(2):
            answer = self.prove(method, path, body, self.token or self.sign_in(), **headers)
            if "invalid_token" not in answer.headers.get("www-authenticate", ""):
                break
            self.token = None
        return answer

    def ticket(self, session: str | None = None, **headers: str) -> str:
        """A ticket by the device's key alone, for a session's stream or the box's; the token that comes with it is
        kept."""
        answer = self.prove("POST", "/v1/tickets", {} if session is None else {"session": session}, **headers)
        assert answer.status == 200, answer.body
        self.token = answer.json["access_token"]
        ticket: str = answer.json["ticket"]
        return ticket

    def stream(self, session: str | None = None, query: str = "", ticket: str | None = None) -> RawStream:
        """A WebSocket on a session's stream, or the box's."""
        path = "/v1/stream" if session is None else f"/v1/code/sessions/{session}/stream"
        return open_stream(self.url, f"{path}?{query}", ticket or self.ticket(session))


def open_stream(url: str, path: str, ticket: str | None, **headers: str) -> RawStream:
    """A WebSocket by TCP, with whatever ticket."""
    place = urlsplit(url)
    connection = socket.create_connection((place.hostname or "", place.port or 80), SECONDS)
    if place.scheme == "https":
        connection = trusting_context().wrap_socket(connection, server_hostname=place.hostname)
    return RawStream(connection, path, host=place.netloc, ticket=ticket, headers=headers)


def _octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
