"""A request on the box's socket, made by a program in some disguise: what it may do there is what the box answers.

Run as `probe.py SOCKET DISGUISE METHOD PATH RESULT [BODY]`; `$NAME` in PATH is a variable of its environment. The whole
answer, head and all, is in the file RESULT once that exists (`-`: on stdout). Runs under `-I -S` too.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import sys
import time

PR_SET_DUMPABLE = 4
CLONE_NEWUSER, CLONE_NEWPID = 0x10000000, 0x20000000


def main(path: str, disguise: str, method: str, target: str, result: str, body: str = "") -> None:
    wear(disguise)
    head = f"{method} {os.path.expandvars(target)} HTTP/1.1\r\nHost: box\r\nContent-Type: application/json\r\n"
    request = f"{head}Connection: close\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}".encode()
    if disguise == "passed-on":
        answer = exchange(passed_on(path, result), request)
    elif disguise == "namespace":
        answer = from_namespace(path, request)
    else:
        answer = exchange(connected(path), request)
    if result == "-":
        sys.stdout.buffer.write(answer)
    else:
        put(result, answer)


def exchange(connection: socket.socket, request: bytes) -> bytes:
    answer = b""
    with connection, contextlib.suppress(ConnectionResetError):  # a box that has said no does not wait for the body
        connection.sendall(request)
        while data := connection.recv(1 << 16):
            answer += data
    return answer


def wear(disguise: str) -> None:
    """Look like something else. In what double forks, only the grandchild returns."""
    if disguise in ("double-fork", "all"):
        if os.fork():
            os._exit(0)
        os.setsid()
        middle = os.getpid()
        if os.fork():
            os._exit(0)
        while os.getppid() == middle:  # until we have been given to another parent
            time.sleep(0.001)
    if disguise in ("undumpable", "all"):
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def connected(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    return connection


def passed_on(path: str, result: str) -> socket.socket:
    """A connection made by another process, which is gone: then there is RESULT.passed."""
    ours, theirs = socket.socketpair()
    connector = os.fork()
    if connector == 0:
        connection = connected(path)
        socket.send_fds(theirs, [b"."], [connection.fileno()])
        os._exit(0)
    _message, descriptors, _flags, _address = socket.recv_fds(ours, 1, 1)
    os.waitpid(connector, 0)
    put(result + ".passed", b"")
    return socket.socket(fileno=descriptors[0])


def from_namespace(path: str, request: bytes) -> bytes:
    """The answer to a process that is the first of its process namespace, where this account can have one."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.chdir(os.path.dirname(path))  # in there our capabilities, and with them the way here, are gone
        ctypes.CDLL(None).unshare(CLONE_NEWUSER | CLONE_NEWPID)
        if os.fork() == 0:
            os.write(writing, exchange(connected(os.path.basename(path)), request))
        else:
            os.wait()
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as answer:
        return answer.read()


def put(path: str, data: bytes) -> None:
    """A file that is whole as soon as it is there."""
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.rename(path + ".new", path)


if __name__ == "__main__":
    main(*sys.argv[1:])
