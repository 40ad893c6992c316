"""Keys in files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from supervisor.client import devicekeys
from supervisor.client.agentkeys import AgentKey
from supervisor.client.boxes import Known
from supervisor.core.pairing import b64u
from tests.supervisor.cli.calling import environment
from workers.errors import Refused

HOME = Known("home", "https://home", "device_1", None, "file")


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[None]:
    with environment(HOME=str(tmp_path)):
        yield


def test_what_was_kept_signs_again() -> None:
    key = devicekeys.new_key()
    devicekeys.keep("home", key)
    again = devicekeys.key_of(HOME)
    assert (again.public, again.sign(b"x")) == (key.public, key.sign(b"x"))
    path = devicekeys.path_of("home")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    devicekeys.forget("home")
    devicekeys.forget("home")
    assert not os.path.exists(path)


def refusal(known: Known = HOME) -> Refused:
    with pytest.raises(Refused) as refused:
        devicekeys.key_of(known)
    assert refused.value.code == "unauthenticated"
    assert "rc login https://home" in refused.value.hint
    return refused.value


def test_one_that_others_can_read_is_not_used() -> None:
    devicekeys.keep("home", devicekeys.new_key())
    os.chmod(devicekeys.path_of("home"), 0o640)
    refused = refusal()
    assert "can be read by others" in refused.detail
    assert refused.hint.startswith("chmod 600 ")


def test_one_that_is_gone_or_none_is_told() -> None:
    assert "No such file" in refusal().detail
    devicekeys.keep("home", devicekeys.new_key())
    for junk in (b"", b"nonsense"):
        Path(devicekeys.path_of("home")).write_bytes(junk)
        assert "it is no key" in refusal().detail
    other = ec.generate_private_key(ec.SECP256R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    Path(devicekeys.path_of("home")).write_bytes(pem)
    assert "no Ed25519 key" in refusal().detail


def test_a_box_that_was_only_named_has_no_key() -> None:
    assert "has not been paired" in refusal(Known("home", "https://home")).detail


def test_a_key_in_the_agent_is_one_by_its_public_part() -> None:
    public = devicekeys.new_key().public
    known = Known("home", "https://home", "device_1", b64u(public), "ssh-agent")
    assert devicekeys.key_of(known) == AgentKey(public)
