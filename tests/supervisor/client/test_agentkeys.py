"""Keys in a real ssh agent, and one that answers oddly."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from supervisor.client import agentkeys
from tests.supervisor.cli.calling import environment
from tests.waiting import until
from workers.errors import Refused


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An agent runs there, and has three keys: one of another kind, two of ours with the same comment."""
    folder = tmp_path_factory.mktemp("agent")
    path = str(folder / "agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    try:
        until(lambda: os.path.exists(path))
        for name, kind in (("one", "ed25519"), ("two", "ed25519"), ("other", "ecdsa")):
            key = str(folder / name)
            subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "ours", "-f", key], check=True)
            env = {**os.environ, "SSH_AUTH_SOCK": path}
            subprocess.run(["ssh-add", "-q", key], env=env, check=True, stderr=subprocess.DEVNULL)
        yield folder
    finally:
        agent.terminate()
        agent.wait()


@pytest.fixture(autouse=True)
def variable(folder: Path) -> Iterator[None]:
    with environment(SSH_AUTH_SOCK=str(folder / "agent")):
        yield


def test_only_keys_of_our_kind_are_listed(folder: Path) -> None:
    shown = subprocess.run(["ssh-add", "-l"], capture_output=True, text=True, check=True).stdout
    keys = agentkeys.listed()
    assert len(keys) == 2
    assert all(key.fingerprint in shown and key.comment == "ours" for key in keys)


def test_one_is_named_by_fingerprint_or_file(folder: Path) -> None:
    first = agentkeys.listed()[0]
    assert agentkeys.choose(first.fingerprint).public == first.public
    named = agentkeys.choose(str(folder / "two.pub"))
    assert named.public in [key.public for key in agentkeys.listed()]


def test_what_it_signs_holds(folder: Path) -> None:
    key = agentkeys.choose(str(folder / "one.pub"))
    Ed25519PublicKey.from_public_bytes(key.public).verify(key.sign(b"proof"), b"proof")


def test_a_name_that_says_too_little_or_nothing_is_refused(folder: Path) -> None:
    with pytest.raises(Refused, match="several"):
        agentkeys.choose("ours")
    for named in ("nothing", str(folder / "other.pub"), str(folder)):
        with pytest.raises(Refused) as refused:
            agentkeys.choose(named)
        assert refused.value.code == "not_found"
        assert "SHA256:" in refused.value.hint


def test_a_key_that_the_agent_has_not_does_not_sign() -> None:
    with pytest.raises(Refused, match="does not sign"):
        agentkeys.AgentKey(bytes(32)).sign(b"x")


@pytest.mark.parametrize("path", [None, "/nowhere/agent"])
def test_without_an_agent_it_is_told_how_to_have_one(path: str | None) -> None:
    with environment(SSH_AUTH_SOCK=path), pytest.raises(Refused) as refused:
        agentkeys.listed()
    assert "ssh-add" in refused.value.hint


@contextlib.contextmanager
def odd(tmp_path: Path, answer: bytes) -> Iterator[None]:
    """An agent that answers this, and hangs up."""
    path = str(tmp_path / "odd")

    def serve() -> None:
        accepted, _ = listener.accept()
        with accepted:
            accepted.recv(65536)
            accepted.sendall(answer)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        with environment(SSH_AUTH_SOCK=path):
            yield
        thread.join()


@pytest.mark.parametrize("answer", [b"", b"\0\0\0\x09\x0c", b"\xff\xff\xff\xff\x0c", b"\0\0\0\0"])
def test_one_that_hangs_up_or_talks_nonsense_is_told_as_that(tmp_path: Path, answer: bytes) -> None:
    with odd(tmp_path, answer), pytest.raises(Refused, match="does not answer"):
        agentkeys.listed()


def test_one_that_shows_nothing_is_told_as_that(tmp_path: Path) -> None:
    with odd(tmp_path, b"\0\0\0\x01\x05"), pytest.raises(Refused, match="does not show"):
        agentkeys.listed()
