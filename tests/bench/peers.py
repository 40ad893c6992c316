"""The peers: terminado and ssh to this machine, each with ptyprog in its terminal."""

from __future__ import annotations

import contextlib
import getpass
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.lines import TEXT, Pipes, WebSocket, frame
from tests.sshserver import ssh_server

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


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
    """A server of our own that runs nothing but the program."""
    with ssh_server(folder, f"ForceCommand {program}") as server:
        command = ["ssh", "-F", str(server.settings), "-tt", "-e", "none", "-p", str(server.port)]
        yield Ssh([*command, f"{getpass.getuser()}@127.0.0.1"])
