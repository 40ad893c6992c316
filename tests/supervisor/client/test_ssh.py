"""The way to a box by ssh."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.client.address import Address
from supervisor.client.api import Client
from supervisor.client.ssh import Ssh, parse
from tests.sshserver import SshServer, ssh_server
from tests.supervisor.cli.calling import environment
from workers.errors import Refused


@pytest.mark.parametrize(
    ("box", "ssh"),
    [
        ("ssh://host", Ssh("host")),
        ("ssh://host/", Ssh("host")),
        ("ssh://ana@Host.example", Ssh("Host.example", "ana")),
        ("ssh://ana.b+c@10.0.0.1:2222", Ssh("10.0.0.1", "ana.b+c", 2222)),
        ("ssh://[fe80::1%eth0]:22", Ssh("fe80::1%eth0", None, 22)),
        ("ssh://an_alias", Ssh("an_alias")),
    ],
)
def test_an_account_elsewhere_is_named_by_its_url(box: str, ssh: Ssh) -> None:
    assert parse(box) == ssh
    assert parse(ssh.name) == ssh


@pytest.mark.parametrize(
    "box",
    [
        "ssh://",
        "ssh:host",
        "ssh://-oProxyCommand=x",
        "ssh://-l@host",
        "ssh://a b",
        "ssh://host;id",
        "ssh://$(id)",
        "ssh://`id`@host",
        "ssh://ana'@host",
        "ssh://a%20b@host",
        "ssh://ana@host:0x1",
        "ssh://ana@host:99999",
        "ssh://ho\nst",
        "ssh://host/path",
        "ssh://host?x",
        "ssh://host#x",
        "ssh://[::1",
        "ssh://ana:secret@host",
        "ssh://ana|id@host",
        "ssh://höst",
    ],
)
def test_whatever_could_mean_more_than_a_name_is_refused(box: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(box)
    assert refused.value.code == "invalid"
    assert "secret" not in refused.value.detail


def test_nobody_is_asked_anything_where_nobody_can_answer() -> None:
    ssh = Ssh("host", "ana", 22)
    assert "BatchMode=yes" in ssh.command(asks=False)
    assert "BatchMode=yes" not in ssh.command(asks=True)
    assert ssh.command(asks=True)[-6:-1] == ["ana", "-p", "22", "--", "host"]


def said(code: int, words: str) -> Refused | None:
    return Ssh("host", "ana", 22).explained(code, words)


@pytest.mark.parametrize(
    ("words", "step"),
    [
        ("@@@\nHost key verification failed.\n", "look at its key with: ssh -p 22 ana@host"),
        ("ana@host: Permission denied (publickey).", "ssh-copy-id -p 22 ana@host"),
        ("ssh: Could not resolve hostname host: Name or service not known", "correct the name"),
        ("ssh: connect to host host port 22: Connection refused", "have sshd run there"),
        ("ssh: connect to host host port 22: Connection timed out", "ssh -p 22 ana@host true"),
        ("", "ssh -p 22 ana@host true"),
    ],
)
def test_what_ssh_says_comes_with_the_next_step(words: str, step: str) -> None:
    refused = said(255, words)
    assert refused is not None
    assert refused.code == "unreachable"
    assert refused.detail.startswith("ssh://ana@host:22: ")
    assert step in refused.hint


def test_what_rc_says_there_is_told_as_that() -> None:
    refused = said(5, "a motd\n" + json.dumps({"code": "unreachable", "detail": "no box runs", "hint": "rc serve"}))
    assert refused is not None
    assert (refused.code, refused.detail, refused.hint) == (
        "unreachable",
        "ssh://ana@host:22: no box runs",
        "there: rc serve",
    )
    for words in ("[1]", "rc: there is no command stdio", ""):
        refused = said(2, words)
        assert refused is not None
        assert refused.code == "unreachable"


def test_an_end_that_was_none_of_its_own_says_nothing() -> None:
    assert said(0, "") is None
    assert said(-15, "Killed by signal 15.") is None


# A real sshd


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """A machine without rc."""
    folder = tmp_path_factory.mktemp("ssh")
    (folder / "home").mkdir()
    (folder / "tools").mkdir()
    for name in ("sh", "echo"):
        (folder / "tools" / name).symlink_to(shutil.which(name) or "")
    settings = f"SetEnv PATH={folder}/tools HOME={folder}/home"
    with ssh_server(folder, settings) as server, environment(PATH=server.path):
        yield server


def refusal(url: str) -> Refused:
    with pytest.raises(Refused) as refused:
        Client(Address(parse(url), None)).get("/v1/box")
    assert refused.value.code == "unreachable"
    return refused.value


def test_a_machine_without_rc_is_told_as_that(empty: SshServer) -> None:
    if any(os.access(f"/usr/local/bin/{name}", os.X_OK) for name in ("rc", "rcbox")):
        pytest.skip("rc is installed on this machine")
    assert "has no rc" in refusal(empty.url).detail


def test_a_server_whose_key_is_another_one_is_told_as_that(empty: SshServer) -> None:
    known = empty.folder / "known_hosts"
    before = known.read_text()
    known.write_text(f"[127.0.0.1]:{empty.port} {(empty.folder / 'client.pub').read_text()}")
    try:
        assert "Host key verification failed" in refusal(empty.url).detail
    finally:
        known.write_text(before)


def test_an_account_that_lets_nobody_in_is_told_as_that(empty: SshServer) -> None:
    refused = refusal(f"ssh://nobody-of-that-name@127.0.0.1:{empty.port}")
    assert "Permission denied" in refused.detail
    assert "ssh-copy-id" in refused.hint


def test_a_machine_that_takes_no_connection_is_told_as_that(empty: SshServer, tmp_path: Path) -> None:
    assert "Connection refused" in refusal("ssh://127.0.0.1:1").detail


def test_a_machine_without_ssh_is_told_as_that(tmp_path: Path) -> None:
    with environment(PATH=str(tmp_path)):
        assert "no ssh on this machine" in refusal("ssh://host").detail


def test_a_login_shell_that_prints_something_is_told_as_what_is_in_the_way(tmp_path: Path) -> None:
    program = tmp_path / "ssh"
    program.write_text("#!/bin/sh\necho Welcome back\nread -r line\n")
    program.chmod(0o755)
    with environment(PATH=f"{tmp_path}:{os.environ['PATH']}"):
        refused = refusal("ssh://host")
    assert "Welcome back" in refused.detail
    assert "login shell" in refused.hint
