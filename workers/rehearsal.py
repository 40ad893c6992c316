"""A dress rehearsal: one whole session in the zygote itself, before it forks the first worker.

Python rewrites its code as it first runs it, and fills caches beside it. Every page that a worker writes so belongs to
it alone; what is written here is shared by all workers, half a megabyte each.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import time
from typing import NoReturn

from workers import host
from workers.bundle import Bundle
from workers.core.spec import Spec
from workers.core.wire import WIRE_VERSION, Frame, Kind, Reader, json_frame, proof
from workers.errors import Broken

# Prints enough for the journal to begin new segments and drop old ones, and ends by itself should nobody stop it.
AGENT = ("sh", "-c", "seq 100000; exec sleep 2")
KEEP = 1 << 18  # octets of output, for small segments
ROUNDS = 12  # Python rewrites a function when it runs for the eighth time
WAIT_SECONDS = 1.0
LONGEST_SECONDS = 5  # a rehearsal takes 0.05 s; one that hangs, on a disk that fills just now, is done without
PAUSE = 0.001
ID, EPOCH, NAME, NONCE = "session_rehearsal", 1, "rehearsal", "0"


def rehearse(scratch: str, umask: int) -> None:
    """Run a session in a directory below `scratch`, which is removed. A disk that does not take it: without."""
    directory = os.path.join(scratch, ".rehearsal")
    signal.signal(signal.SIGALRM, _start_over)
    signal.alarm(LONGEST_SECONDS)
    try:
        with contextlib.suppress(OSError):
            os.makedirs(directory, 0o700, exist_ok=True)
            _empty(directory)
            _run_session(directory, umask)
            os.chdir("/")
            _empty(directory)
            os.rmdir(directory)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _start_over(_number: int, _frame: object) -> NoReturn:
    # The same program anew, but for its last word, which is where it rehearses. Its descriptors stay.
    os.execv(sys.executable, sys.orig_argv[:-1])


def _empty(directory: str) -> None:
    for name in os.listdir(directory):
        os.unlink(os.path.join(directory, name))


def _run_session(directory: str, umask: int) -> None:
    bundle = Bundle(directory)
    env = {"PATH": os.environ.get("PATH", os.defpath)}
    spec = Spec(ID, "one", "sh", "terminal", AGENT, env, "/", "", "/", "same-dir", "", None, terminal_keep=KEEP)
    bundle.write("key", "00", durable=False)
    bundle.write("spec.json", spec.to_json(), durable=False)
    _start_supervisor(bundle)
    os.chdir(directory)
    host.run(directory, False, umask)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    gc.collect()  # the sockets that the session held are closed with their objects
    until = time.monotonic() + WAIT_SECONDS
    while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < until:
        time.sleep(PAUSE)  # the thread that syncs is on its way out, and a fork must not meet it


def _start_supervisor(bundle: Bundle) -> None:
    """Fork it twice, since a worker refuses who descends from it."""
    middle = os.fork()
    if middle:
        os.waitpid(middle, 0)
        return
    try:
        if os.fork() == 0:
            with contextlib.suppress(OSError, Broken):
                _supervise(bundle)
    finally:
        os._exit(0)


def _supervise(bundle: Bundle) -> None:
    """Look on, type and resize, and stop it."""
    link = _connect(bundle)
    link.settimeout(WAIT_SECONDS)
    reader = Reader()
    nonces = (reader.feed(link.recv(1 << 16))[0].json()["nonce"], NONCE)
    mac = proof(bundle.key(), "supervisor", nonces, EPOCH, NAME, ID)
    hello = {"version": WIRE_VERSION, "epoch": EPOCH, "supervisor": NAME, "nonce": NONCE, "mac": mac}
    link.sendall(json_frame(Kind.HELLO, hello).encode() + Frame(Kind.UNMUTE).encode())
    for number in range(ROUNDS):
        resize = {"kind": "resize", "rows": 24, "columns": 80 + number % 2}
        link.sendall(_command(resize, number) + Frame(Kind.KEYS, 0, b"x" * 80).encode())
        while Kind.ANSWER not in [frame.kind for frame in reader.feed(link.recv(1 << 16))]:
            pass
    link.sendall(json_frame(Kind.SNAPSHOT, {"want": 1}, 1).encode() + _command({"kind": "stop"}, 2))
    while link.recv(1 << 16):
        pass


def _command(command: dict[str, object], number: int) -> bytes:
    return json_frame(Kind.COMMAND, {"command": command, "by": None, "origin": "rc"}, number).encode()


def _connect(bundle: Bundle) -> socket.socket:
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return bundle.connect()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(PAUSE)
