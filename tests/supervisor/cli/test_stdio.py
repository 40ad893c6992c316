"""stdin and stdout as one connection to the box."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.supervisor.cli.calling import call
from tests.supervisor.web.boxes import ServedBox

RC = [sys.executable, "-m", "supervisor"]
ASK = b"GET /healthz HTTP/1.1\r\nHost: rc.sock\r\nConnection: close\r\n\r\n"


def stdio(state_dir: Path, said: bytes = ASK) -> subprocess.CompletedProcess[bytes]:
    words = [*RC, "--state-dir", str(state_dir), "stdio"]
    return subprocess.run(words, input=said, capture_output=True, timeout=30, check=False)


def test_a_request_goes_in_and_its_answer_comes_out(box: ServedBox) -> None:
    done = stdio(box.state_dir)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"HTTP/1.1 200")
    assert done.stdout.endswith(b'{"ok":true}')


def test_what_is_still_on_its_way_arrives_behind_the_end_of_stdin(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "rc.sock"))
        listener.listen()
        with subprocess.Popen(
            [*RC, "--state-dir", str(tmp_path), "stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"all")
            process.stdin.close()
            accepted, _ = listener.accept()
            with accepted:
                heard = b""
                while data := accepted.recv(64):
                    heard += data
                assert heard == b"all"
                accepted.sendall(b"x" * 50_000)
                accepted.shutdown(socket.SHUT_WR)
                assert len(process.stdout.read()) == 50_000
            assert process.wait(10) == 0


def test_the_boxs_end_ends_it_although_stdin_goes_on(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "rc.sock"))
        listener.listen()
        with subprocess.Popen(
            [*RC, "--state-dir", str(tmp_path), "stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            listener.accept()[0].close()
            assert process.wait(10) == 0


def test_without_a_box_it_is_exit_5(tmp_path: Path) -> None:
    done = stdio(tmp_path)
    assert (done.returncode, done.stdout) == (5, b"")
    assert done.stderr.startswith(b"rc: no box runs at ")


def test_it_never_leads_to_a_box_elsewhere(tmp_path: Path) -> None:
    env = {**os.environ, "RC_BOX": "ssh://elsewhere", "RC_STATE_DIR": str(tmp_path)}
    done = subprocess.run([*RC, "stdio"], input=ASK, capture_output=True, timeout=30, check=False, env=env)
    assert (done.returncode, b"elsewhere" in done.stderr) == (5, False)
    assert call("--box", "ssh://elsewhere", "stdio").code == 2


def test_it_loads_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; from supervisor.cli import main; main(sys.argv[1:]);"
        "heavy = {'trio', 'cryptography', 'subprocess', 'http.client'} & set(sys.modules);"
        "sys.exit(f'{heavy}' if heavy else 0)"
    )
    words = [sys.executable, "-c", program, "--state-dir", str(tmp_path), "stdio"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
