"""Keys that an ssh agent keeps and signs with (draft-ietf-sshm-ssh-agent): they never come here."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import struct
from dataclasses import dataclass

from supervisor.client.unix import connect
from workers.errors import Refused

KIND = b"ssh-ed25519"
LIST, LISTED, SIGN, SIGNED = 11, 12, 13, 14
ANSWER_MAX = 256 << 10  # octets, as OpenSSH's own client has it
ANSWER_SECONDS = 60.0  # a person may have to confirm, or to touch a token
PUBLIC_OCTETS, SIGNATURE_OCTETS = 32, 64


@dataclass(frozen=True, slots=True)
class Listed:
    """A key that the agent has, by its public part, and what its owner calls it."""

    public: bytes
    comment: str

    @property
    def fingerprint(self) -> str:
        """As `ssh-add -l` shows it."""
        digest = hashlib.sha256(_blob(self.public)).digest()
        return "SHA256:" + base64.b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class AgentKey:
    """A key that signs in the agent."""

    public: bytes

    def sign(self, data: bytes) -> bytes:
        """Raises Refused `unauthenticated` when the agent does not sign."""
        kind, answer = _ask(bytes([SIGN]) + _string(_blob(self.public)) + _string(data) + struct.pack(">I", 0))
        if kind == SIGNED:
            signature, _ = _read_string(answer)
            name, rest = _read_string(signature)
            octets, _ = _read_string(rest)
            if name == KIND and len(octets) == SIGNATURE_OCTETS:
                return octets
        fingerprint = Listed(self.public, "").fingerprint
        raise _refused(f"the ssh agent does not sign with {fingerprint}", "add the key to it: ssh-add")


def listed() -> list[Listed]:
    """The Ed25519 keys that the agent has. Raises Refused `unauthenticated`."""
    kind, answer = _ask(bytes([LIST]))
    if kind != LISTED:
        raise _refused("the ssh agent does not show its keys", "see what it says to: ssh-add -l")
    keys, rest = [], answer[4:]
    for _ in range(struct.unpack(">I", answer[:4])[0]):
        blob, rest = _read_string(rest)
        comment, rest = _read_string(rest)
        name, inner = _read_string(blob)
        if name == KIND:
            keys.append(Listed(_read_string(inner)[0], comment.decode(errors="replace")))
    return keys


def choose(named: str) -> AgentKey:
    """The key of this fingerprint, comment, or file (`…/id_ed25519.pub`). Raises Refused."""
    keys = listed()
    of_file = _public_of_file(named)
    found = [key for key in keys if named in (key.fingerprint, key.comment) or key.public == of_file]
    if len(found) == 1:
        return AgentKey(found[0].public)
    if found:
        raise Refused("invalid", f"the ssh agent has several keys called {named}", "name one by its fingerprint")
    known = ", ".join(f"{key.fingerprint} ({key.comment})" for key in keys) or "no Ed25519 key"
    raise Refused("not_found", f"the ssh agent has no Ed25519 key {named}", f"it has {known}; ssh-add adds one")


def _public_of_file(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            words = file.read(4096).split()
        blob = base64.b64decode(words[1], validate=True)
        return _read_string(_read_string(blob)[1])[0] if words[0] == KIND else None
    except (OSError, ValueError, IndexError, struct.error):
        return None


def _ask(message: bytes) -> tuple[int, bytes]:
    path = os.environ.get("SSH_AUTH_SOCK")
    if not path:
        raise _refused("no ssh agent is named by SSH_AUTH_SOCK", "start one: eval $(ssh-agent); ssh-add")
    try:
        with connect(path, ANSWER_SECONDS) as agent:
            agent.sendall(_string(message))
            (length,) = struct.unpack(">I", _exactly(agent, 4))
            if not 1 <= length <= ANSWER_MAX:
                raise ConnectionError("it sent something else")
            answer = _exactly(agent, length)
    except (OSError, Refused) as error:
        raise _refused(
            f"the ssh agent at {path} does not answer: {error}", "see what it says to: ssh-add -l"
        ) from error
    return answer[0], answer[1:]


def _exactly(agent: socket.socket, octets: int) -> bytes:
    data = b""
    while len(data) < octets:
        more = agent.recv(octets - len(data))
        if not more:
            raise ConnectionError("it closed the connection")
        data += more
    return data


def _blob(public: bytes) -> bytes:
    return _string(KIND) + _string(public)


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _read_string(data: bytes) -> tuple[bytes, bytes]:
    """The first string, and what is behind it. Raises struct.error where there is none."""
    (length,) = struct.unpack(">I", data[:4])
    return data[4 : 4 + length], data[4 + length :]


def _refused(detail: str, hint: str) -> Refused:
    return Refused("unauthenticated", detail, hint)
