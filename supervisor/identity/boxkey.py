"""The key of the box: Ed25519, made at its first start, kept in one file that nobody else can read."""

from __future__ import annotations

import contextlib
import hashlib
import os

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from supervisor.core.pairing import b64u
from workers.errors import Refused

FILE = "box.key"


class BoxKey:
    """What the box signs with. `octets` is the public key, `text` the same as base64url, `digest` the SHA-256 that a
    pairing link carries."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self.private = private
        self.octets = private.public_key().public_bytes_raw()
        self.text = b64u(self.octets)
        self.digest = b64u(hashlib.sha256(self.octets).digest())

    def __repr__(self) -> str:
        return f"BoxKey({self.text})"


def load_box_key(state_dir: str) -> BoxKey:
    """The key of this state directory, made if there is none; it is on disk before anybody hears of it. Blocks.

    Raises Refused `configuration` for a file that cannot be read as such a key, or not be made: a new key in its place
    would be another box to every device.
    """
    path = os.path.join(state_dir, FILE)
    try:
        try:
            pem = _read(path)
        except FileNotFoundError:
            pem = _make(state_dir, path)
        return BoxKey(_private(pem))
    except OSError as error:
        why = error.strerror or str(error)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # other kinds of octets, a passphrase, another kind of key
        why = "it holds no Ed25519 key"
    raise Refused("configuration", f"the key of this box, {path}, cannot be used: {why}", "bring back that file")


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with open(descriptor, "rb") as file:
        os.fchmod(descriptor, 0o600)  # whoever brought it back may have forgotten
        return file.read(1 << 16)


def _make(state_dir: str, path: str) -> bytes:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    new = path + ".new"
    with contextlib.suppress(FileNotFoundError):  # of a start that was cut short: nobody has heard of that key
        os.unlink(new)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(descriptor)
    os.rename(new, path)
    directory = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return pem


def _private(pem: bytes) -> Ed25519PrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("another kind of key")
    return key
