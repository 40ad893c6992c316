"""Everything that the API's own description allows and forbids, thrown at a real box by schemathesis.

It has no loader for Unix sockets, hence a forwarder from a port of the loopback to rc.sock.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.supervisor.web.boxes import serving

SECONDS = 30  # of abuse; more finds more, this is what a run of all tests can wait for
# Streams have no end, and a shutdown would end the rest of the test.
SPARED = r"(/stream|/v1/shutdown)$"
# A name that fits the schema may still be taken, unknown or full of control characters.
OUR_OWN_RULES = "positive_data_acceptance"
# The only server errors of the contract: launch_failed and git_failed, not_ready, disk_full.
SETTINGS = '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", 502, 503, 507]\n'


@contextlib.contextmanager
def forwarded(path: str) -> Iterator[int]:
    """A port of the loopback behind which the Unix socket `path` answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, path), daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread, which then ends


def _accept(listener: socket.socket, path: str) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_pump, args=(client, path), daemon=True).start()


def _pump(client: socket.socket, path: str) -> None:
    with (
        contextlib.suppress(OSError),
        client,
        socket.socket(socket.AF_UNIX) as box,
        selectors.DefaultSelector() as ready,
    ):
        box.connect(path)
        ready.register(client, selectors.EVENT_READ, box)
        ready.register(box, selectors.EVENT_READ, client)
        while True:
            for key, _ in ready.select():
                assert isinstance(key.fileobj, socket.socket)
                data = key.fileobj.recv(65536)
                if not data:
                    return
                key.data.sendall(data)


def test_no_request_that_can_be_thought_of_breaks_the_box(tmp_path: Path) -> None:
    with serving(tmp_path, "--capacity", "4") as box, forwarded(box.socket) as port:
        (tmp_path / "schemathesis.toml").write_text(SETTINGS)
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{port}/openapi.json"]
        command += ["--exclude-path-regex", SPARED, "--checks", "all", "--exclude-checks", OUR_OWN_RULES]
        command += ["--max-time", str(SECONDS), "--max-examples", "30", "--warnings", "off", "--seed", "1"]
        env = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=SECONDS + 60)
        assert done.returncode == 0, done.stdout + done.stderr
        assert box.ask("GET", "/healthz").status == 200
        assert box.process.poll() is None
    assert "Traceback" not in (tmp_path / "log").read_text()
