"""This device's keys, one for each box: a file that nobody else may read, or a key that an ssh agent keeps."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from supervisor.client.boxes import Known, folder
from supervisor.client.signin import Key
from supervisor.client.wholefile import write_whole
from supervisor.core.pairing import read_b64u
from workers.errors import Refused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DEVICES = "devices"
IN_FILE, IN_AGENT = "file", "ssh-agent"
SIZE_MAX = 64 << 10


class FileKey:
    """A key of our own. The library that signs with it is loaded when it does."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        return self._private.sign(data)

    def pem(self) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def new_key() -> FileKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return FileKey(Ed25519PrivateKey.generate())


def path_of(name: str) -> str:
    """Where the key for the box of this name lies."""
    return os.path.join(folder(), DEVICES, f"{name}.key")


def keep(name: str, key: FileKey) -> None:
    path = path_of(name)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    write_whole(path, key.pem())


def forget(name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path_of(name))


def key_of(known: Known) -> Key:
    """What signs for this device at that box. Raises Refused `unauthenticated`."""
    if known.key == IN_AGENT and known.public_key:
        from supervisor.client.agentkeys import AgentKey

        return AgentKey(read_b64u(known.public_key, 32))
    if known.key != IN_FILE:
        detail = f"this device has not been paired with {known.name}"
        raise Refused("unauthenticated", detail, f"pair it: rc login {known.url}")
    return FileKey(_read(known))


def _read(known: Known) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path, again = path_of(known.name), f"pair this device anew: rc login {known.url}"
    try:
        with open(path, "rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                detail = f"the key {path} can be read by others"
                raise Refused("unauthenticated", detail, f"chmod 600 {path}, or, where they may have read it, {again}")
            private = load_pem_private_key(file.read(SIZE_MAX), None)
    except (OSError, ValueError, TypeError) as error:
        cause = getattr(error, "strerror", None) or "it is no key"
        raise Refused("unauthenticated", f"the key {path} cannot be used: {cause}", again) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise Refused("unauthenticated", f"{path} is no Ed25519 key", again)
    return private
