"""A real sshd on the loopback, with keys of its own that nobody else is told of, and the `ssh` that gets in."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.waiting import until

START_SECONDS = 20.0


class SshServer:
    """`url` is the account we are, by ssh. `path`: a search path on which `ssh` is one that knows the keys."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.settings = folder / "ssh_config"
        self.url = f"ssh://{getpass.getuser()}@127.0.0.1:{port}"
        self.path = f"{folder / 'bin'}:{os.environ.get('PATH', os.defpath)}"
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        daemon = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        assert daemon, "sshd is missing: apt-get install openssh-server"
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", 0o755, exist_ok=True)  # sshd asks for it; Debian's init makes it at boot
        words = [daemon, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        self._daemon = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        until(lambda: _answers(self.port), START_SECONDS)

    def stop(self) -> None:
        """No new connections; those that are there stay."""
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait()
            self._daemon = None

    def cut(self) -> int:
        """End every connection that is there, and take no new one: how many there were."""
        assert self._daemon is not None
        below = Path(f"/proc/{self._daemon.pid}/task/{self._daemon.pid}/children").read_text().split()
        self.stop()
        for pid in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        return len(below)


@contextlib.contextmanager
def ssh_server(folder: Path, *settings: str) -> Iterator[SshServer]:
    """`settings` are further lines of its sshd_config."""
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    server = SshServer(folder, _free_port())
    own = [
        *(
            f"ListenAddress 127.0.0.1:{server.port}",
            f"HostKey {folder}/host",
            f"AuthorizedKeysFile {folder}/client.pub",
        ),
        *("PidFile none", "StrictModes no", "UsePAM no", "PasswordAuthentication no", "PermitRootLogin yes"),
        "MaxStartups 100",
    ]
    (folder / "sshd_config").write_text("\n".join([*own, *settings, ""]), encoding="utf-8")
    hosts = folder / "known_hosts"
    hosts.write_text(f"[127.0.0.1]:{server.port} {(folder / 'host.pub').read_text()}")
    server.settings.write_text(
        f"IdentityFile {folder}/client\nIdentitiesOnly yes\nUserKnownHostsFile {hosts}\nStrictHostKeyChecking yes\n"
    )
    _write_wrapper(folder / "bin" / "ssh", server.settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _write_wrapper(path: Path, settings: Path) -> None:
    """ssh looks for its settings in the account's real home, which is not a test's to write to."""
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {settings} "$@"\n')
    path.chmod(0o755)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as probe:
        return probe.recv(4) == b"SSH-"
    return False
