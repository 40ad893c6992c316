"""Certificates that can be had, and what is said of those that cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from supervisor.web.certificates import tls_context
from tests.supervisor.web.doors import write_certificate
from workers.errors import Refused

NOW = datetime.now(UTC)


def refusal(certificate: str, key: str, now: datetime = NOW) -> str:
    with pytest.raises(Refused) as caught:
        tls_context(certificate, key, now)
    assert caught.value.code == "configuration"
    assert str(caught.value.fields["file"]) in caught.value.detail
    return f"{caught.value.detail}; {caught.value.hint}"


def test_a_certificate_with_its_key_is_taken(tmp_path: Path) -> None:
    assert tls_context(*write_certificate(tmp_path), NOW).minimum_version.name == "TLSv1_2"


def test_a_certificate_out_of_its_time_is_refused(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path, not_after=NOW + timedelta(days=1))
    told = refusal(certificate, key, NOW + timedelta(days=2))
    assert f"{certificate}: the certificate expired on {NOW + timedelta(days=1):%Y-%m-%d}" in told
    assert "is valid only from 2000-01-01" in refusal(certificate, key, datetime(1999, 1, 1, tzinfo=UTC))


def test_the_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    certificate, _ = write_certificate(tmp_path / "one")
    _, key = write_certificate(tmp_path / "other")
    assert f"{key}: this is not the key of {certificate}; name another file with --tls-key" in refusal(certificate, key)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    assert "/nowhere: No such file" in refusal("/nowhere", key)
    assert "--tls-cert" in refusal("/nowhere", key)
    assert "Is a directory" in refusal(str(tmp_path), key)
    assert "/nowhere: No such file or directory; name another file with --tls-key" in refusal(certificate, "/nowhere")


def test_files_that_hold_something_else_are_refused(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    (tmp_path / "text").write_text("hello")
    assert "no PEM certificate" in refusal(str(tmp_path / "text"), key)
    assert "no PEM certificate" in refusal(key, certificate)
    assert "no PEM key" in refusal(certificate, str(tmp_path / "text"))
    assert "no PEM key" in refusal(certificate, certificate)


def test_a_key_with_a_password_is_refused_and_nobody_is_asked(tmp_path: Path) -> None:
    certificate, _ = write_certificate(tmp_path)
    locked = tmp_path / "locked.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    assert "has a password" in refusal(certificate, str(locked))
