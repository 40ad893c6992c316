"""The key of the box is made once, and never replaced."""

from __future__ import annotations

import base64
import hashlib
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from supervisor.identity.boxkey import FILE, load_box_key
from workers.errors import Refused


def why_refused(folder: Path) -> str:
    with pytest.raises(Refused) as caught:
        load_box_key(str(folder))
    assert caught.value.code == "configuration"
    assert str(folder / FILE) in caught.value.detail
    return caught.value.detail


def test_it_is_made_once_and_is_for_nobody_else(tmp_path: Path) -> None:
    first = load_box_key(str(tmp_path))
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    second = load_box_key(str(tmp_path))
    assert second.text == first.text
    Ed25519PublicKey.from_public_bytes(second.octets).verify(first.private.sign(b"x"), b"x")
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_what_a_link_carries_is_the_hash_of_the_key(tmp_path: Path) -> None:
    key = load_box_key(str(tmp_path))
    assert base64.urlsafe_b64decode(key.digest + "=") == hashlib.sha256(key.octets).digest()


def test_it_does_not_show_what_is_secret(tmp_path: Path) -> None:
    key = load_box_key(str(tmp_path))
    seed = key.private.private_bytes_raw()
    assert repr(key) == f"BoxKey({key.text})"
    assert seed.hex() not in repr(vars(key))


def test_others_may_not_read_one_that_was_brought_back(tmp_path: Path) -> None:
    load_box_key(str(tmp_path))
    (tmp_path / FILE).chmod(0o644)
    load_box_key(str(tmp_path))
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_what_a_start_left_half_made_is_no_key(tmp_path: Path) -> None:
    (tmp_path / (FILE + ".new")).write_bytes(b"half")
    assert load_box_key(str(tmp_path)).text == load_box_key(str(tmp_path)).text


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_cannot_be_read_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert "holds no Ed25519 key" in why_refused(tmp_path)
    assert (tmp_path / FILE).read_bytes() == content


def test_a_key_of_another_kind_or_under_a_passphrase_is_refused(tmp_path: Path) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    box = load_box_key(str(tmp_path)).private
    passphrase = serialization.BestAvailableEncryption(b"x")
    for key, encryption in ((other, serialization.NoEncryption()), (box, passphrase)):
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        (tmp_path / FILE).write_bytes(pem)
        assert "holds no Ed25519 key" in why_refused(tmp_path)


def test_a_link_or_a_directory_in_its_place_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"x")
    (folder / FILE).symlink_to(elsewhere)
    why_refused(folder)
    (folder / FILE).unlink()
    (folder / FILE).mkdir()
    why_refused(folder)


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "No such file" in why_refused(tmp_path / "nowhere")
