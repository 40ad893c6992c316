"""The inspector: a short-lived process that answers one question about one tree, and is gone.

The zygote forks it and calls `run`. What is asked comes from the supervisor and is trusted; the tree is not: nothing
in it is executed, and git never sees its configuration (see `inspect_shadow`). The counterpart is
`supervisor.sessions.inspect`, which trusts no answer.

The answer is a row of frames, each its length (`>I`) and its octets: a JSON object, then for some questions raw
content, and the end of the stream. A refusal is `{"error": {"code", "detail", "hint", …}}`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import signal
import socket
import struct
from collections.abc import Callable
from typing import Any

from workers import inspect_files, inspect_gate, inspect_git
from workers.errors import Refused
from workers.inspect_run import PR_SET_DUMPABLE, Late, deadline, libc, renew

LENGTH = struct.Struct(">I")
CONTENT = 1 << 18  # octets of one frame of content: large enough to be cheap, small enough for every reader
GRACE = 2.0  # seconds for the last words of one who is late
CPU_SECONDS = 600  # the deadline counts time, this one work; a backstop that nobody should ever meet


class SocketReply:
    """The Reply that goes over a socket."""

    def __init__(self, line: socket.socket, seconds: float) -> None:
        self._line = line
        self._seconds = seconds
        self._told = False

    def tell(self, value: dict[str, Any]) -> None:
        """The JSON frame, the first. A second one is not sent: it would pass for content; the end says it too."""
        if not self._told:
            self._told = True
            self._send(json.dumps(value).encode())

    def content(self, data: bytes) -> None:
        """A frame of raw content. The deadline is for standing still, not for being large: it begins anew."""
        view = memoryview(data)
        for start in range(0, len(view), CONTENT):
            self._send(view[start : start + CONTENT])
            renew(self._seconds)

    def receive(self, size: int) -> bytes:
        """Exactly `size` octets. Raises ConnectionError when the asker goes before."""
        data = bytearray()
        while len(data) < size:
            piece = self._line.recv(min(size - len(data), CONTENT))
            if not piece:
                raise ConnectionAbortedError("the asker is gone")
            data += piece
        return bytes(data)

    def _send(self, data: bytes | memoryview) -> None:
        self._line.sendall(LENGTH.pack(len(data)))
        self._line.sendall(data)


QUESTIONS: dict[str, Callable[[dict[str, Any], inspect_files.Reply], None]] = {
    "gate": inspect_gate.answer,
    "diff": inspect_git.answer,
    "files": inspect_files.answer,
    "write": inspect_files.write,
    "usage": inspect_files.usage,
}


def run(question: dict[str, Any], seconds: float, answer: socket.socket) -> None:
    """Answer one question on the stream socket `answer` within `seconds`, and close it. Call it in a forked child.

    Keys of a question: `do` (one of QUESTIONS) and what that one's module says.
    """
    _withdraw()
    answer.setblocking(True)
    reply = SocketReply(answer, seconds)
    try:
        with deadline(seconds):
            QUESTIONS[question["do"]](question, reply)
    except Refused as refused:
        _refuse(reply, refused)
    except Late:
        detail = f"the tree gave no answer within {seconds:g} seconds"
        _refuse(reply, Refused("git_failed", detail, "look for a FIFO or a slow disk in it, then try again"))
    except ConnectionError:
        pass  # nobody is there to be answered
    except OSError as error:
        _refuse(reply, refusal_of(error))
    finally:
        answer.close()


def _withdraw() -> None:
    """Stand apart from the zygote: own session, not to be traced or dumped, the signals that waiting needs."""
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    with contextlib.suppress(OSError):
        os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it would make waiting for git fail
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


def refusal_of(error: OSError) -> Refused:
    """What an error of the system means to the asker."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Refused("disk_full", "there is no room left on the disk", "make room, then try again")
    return Refused("git_failed", f"the tree could not be looked at: {error.strerror}", "see to its cause and try again")


def _refuse(reply: SocketReply, refused: Refused) -> None:
    words = {"code": refused.code, "detail": refused.detail, "hint": refused.hint, **refused.fields}
    with contextlib.suppress(OSError, Late), deadline(GRACE):
        reply.tell({"error": words})
