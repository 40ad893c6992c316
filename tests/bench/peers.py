"""The peers: terminado and ssh to this machine, each with ptyprog in its terminal."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.lines import TEXT, Pipes, WebSocket, frame
from tests.waiting import until

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
START_SECONDS = 20.0


def build_ptyprog(folder: Path) -> str:
    """The one program that runs in every terminal."""
    program = folder / "ptyprog"
    subprocess.run(["cc", "-O2", "-o", program, HERE / "ptyprog.c"], check=True)
    return str(program)


class Terminado:
    """terminado over TCP on the loopback."""

    def __init__(self, port: int, pid: int) -> None:
        self.pids = [pid]
        self._port = port

    def open(self, name: str) -> WebSocket:
        """A connection to the terminal of that name, which is made when there is none."""
        sock = socket.create_connection(("127.0.0.1", self._port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = WebSocket(sock, f"/{name}", None, _terminado_keys, _is_terminado_output)
        line.echo()  # it says `setup`, then `READY` of the program
        return line


def _terminado_keys(keys: bytes) -> bytes:
    return frame(TEXT, json.dumps(["stdin", keys.decode()]).encode())


def _is_terminado_output(_opcode: int, payload: bytes) -> bool:
    return payload.startswith(b'["stdout"')


@contextlib.contextmanager
def terminado(program: str) -> Iterator[Terminado]:
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.terminado_server", program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    try:
        yield Terminado(int(server.stdout.readline()), server.pid)
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


class Ssh:
    """OpenSSH over TCP on the loopback."""

    def __init__(self, command: list[str]) -> None:
        self._command = command

    def open(self) -> Pipes:
        line = Pipes(self._command)
        line.echo()
        return line


@contextlib.contextmanager
def ssh(program: str, folder: Path) -> Iterator[Ssh]:
    """A server of our own, with keys of its own, that nobody else is told of."""
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    port = _free_port()
    settings = folder / "sshd_config"
    settings.write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/client.pub\n"
        "PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
        f"ForceCommand {program}\n",
        encoding="utf-8",
    )
    daemon = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    assert daemon, "sshd is missing: apt-get install openssh-server"
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", 0o755, exist_ok=True)  # sshd asks for it; Debian's init makes it at boot
    server = subprocess.Popen([daemon, "-D", "-e", "-f", settings], stderr=subprocess.DEVNULL)
    try:
        until(lambda: _answers(port), START_SECONDS)
        options = ["IdentitiesOnly=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes"]
        command = ["ssh", "-F", "none", "-tt", "-e", "none", "-i", f"{folder}/client", "-p", str(port)]
        for option in options:
            command += ["-o", option]
        yield Ssh([*command, f"{getpass.getuser()}@127.0.0.1"])
    finally:
        server.terminate()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as probe:
        return probe.recv(4) == b"SSH-"
    return False
