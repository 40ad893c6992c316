"""The certificate of the listener: read once at the start, and refused there with file and cause."""

from __future__ import annotations

import os
import ssl
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from workers.errors import Refused

FILE_MAX = 1 << 20  # octets; a chain of four certificates is some 8 KiB


def tls_context(certificate: str, key: str, now: datetime) -> ssl.SSLContext:
    """TLS by the PEM files at these paths (`~` is the home directory), the certificate's own chain behind it.

    Raises Refused(`configuration`) for files that cannot be read, hold something else, or do not belong together, and
    for a certificate that does not hold at `now`, of which a browser would tell nothing but that the box is not safe.
    """
    certificate, key = os.path.expanduser(certificate), os.path.expanduser(key)
    own = _certificate(certificate, now)
    if _public_key(key) != own.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo):
        raise _unfit(key, f"this is not the key of {certificate}", "--tls-key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # then to seal something never waits for the other side
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        raise _unfit(certificate, f"TLS does not take it: {error}") from error
    return context


def _certificate(path: str, now: datetime) -> x509.Certificate:
    try:
        own = x509.load_pem_x509_certificates(_read(path, "--tls-cert"))[0]
        own.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unfit(path, "there is no PEM certificate in it that can be read") from error
    if own.not_valid_after_utc < now:
        raise _unfit(path, f"the certificate expired on {own.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
    if own.not_valid_before_utc > now:
        raise _unfit(path, f"the certificate is valid only from {own.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on")
    return own


def _public_key(path: str) -> bytes:
    try:
        key = load_pem_private_key(_read(path, "--tls-key"), password=None)
    except TypeError as error:
        raise _unfit(path, "the key has a password, which nobody is there to type", "--tls-key") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unfit(path, "there is no PEM key in it that can be read", "--tls-key") from error
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _read(path: str, flag: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(FILE_MAX)
    except OSError as error:
        raise _unfit(path, str(error.strerror), flag) from error


def _unfit(path: str, cause: str, flag: str = "--tls-cert") -> Refused:
    return Refused("configuration", f"{path}: {cause}", f"name another file with {flag}", file=path)
