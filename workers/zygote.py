"""The small process that workers, inspectors and programs to run once are forked from.

It has imported all that they need before its first fork, has one thread, a scrubbed environment, and ends at the end
of its control socket. It has no state: a new one is as good.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import struct
import sys
import traceback
from typing import Any

from workers import exechost, host, inspector
from workers.drivers.prctl import become_subreaper, give_memory_back, set_dumpable, set_name
from workers.processes import close_all_but
from workers.rehearsal import rehearse

MESSAGE = 128 << 10  # octets; the launcher sends no more at once
DESCRIPTOR = struct.Struct("i")
LARGE_BLOCK = 32 << 10  # octets from which malloc maps a block by itself: a batch of output is one, and a small file


def main(control_fd: int, scratch: str = "") -> None:
    """Serve the launcher until it goes. Every message is one JSON object, with at most one descriptor.

    `scratch` is a directory in which a session is rehearsed first (see `rehearsal`); without one nothing is.
    """
    close_all_but(control_fd)  # what we do not have, no child has to close
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir("/")
    umask = os.umask(0o077)
    set_dumpable(False)
    set_name("rc-zygote")
    if scratch:
        rehearse(scratch, umask)
        close_all_but(control_fd)
    control = socket.socket(fileno=control_fd)
    room = socket.CMSG_SPACE(DESCRIPTOR.size)
    gc.collect()
    gc.freeze()  # the collector would write to each page that we share with what we fork
    give_memory_back(LARGE_BLOCK)
    while True:
        message, handed, _flags, _address = control.recvmsg(MESSAGE, room)
        if not message:
            return
        descriptor = DESCRIPTOR.unpack(handed[0][2])[0] if handed else -1
        try:
            _detach(message, control, descriptor, umask)
        except OSError as error:  # no process is to be had now; who asked sees that nothing came
            sys.stderr.write(f"zygote: cannot fork: {error}\n")
            sys.stderr.flush()
        finally:
            if descriptor >= 0:
                os.close(descriptor)


def _detach(message: bytes, control: socket.socket, handed: int, umask: int) -> None:
    """Fork twice and serve the message there, as a child of nobody, with only the descriptor that was handed over."""
    middle = os.fork()
    if middle:
        os.waitpid(middle, 0)
        return
    code = 1
    try:
        os.setsid()
        if os.fork() == 0:
            control.close()  # a fork does not honour close-on-exec, and an open end is no end
            _serve(json.loads(message), handed, umask)
        code = 0
    finally:
        # Never back into the zygote's loop, whatever went wrong.
        if code:
            traceback.print_exc()
        os._exit(code)


def _serve(wish: dict[str, Any], handed: int, umask: int) -> None:
    if wish["do"] == "worker":
        os.chdir(wish["bundle"])
        _quiet("err")
        set_name("rc-worker")
        become_subreaper()
        host.run(wish["bundle"], bool(wish["resume"]), umask)
    elif wish["do"] == "inspect":
        set_name("rc-inspector")
        inspector.run(wish["question"], float(wish["deadline"]), socket.socket(fileno=handed))
    elif wish["do"] == "nothing":  # that it could be forked is the answer
        pass
    elif wish["do"] == "exec":
        set_name("rc-exec")
        become_subreaper()
        exechost.run(wish, socket.socket(fileno=handed), umask)
    else:
        raise ValueError(f"an unknown wish: {wish['do']}")


def _quiet(errors: str) -> None:
    """No input, no output; errors into this file of the working directory."""
    null = os.open(os.devnull, os.O_RDWR)
    told = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for old, new in ((null, 0), (null, 1), (told, 2)):
        os.dup2(old, new)
    os.close(null)
    os.close(told)
