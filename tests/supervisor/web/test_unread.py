"""What the kernel still holds of what was sent."""

from __future__ import annotations

import socket

from supervisor.web.unread import unread
from tests.waiting import until


def test_on_this_machine_it_falls_as_the_other_side_reads() -> None:
    near, far = socket.socketpair()
    with near, far:
        assert unread(near.fileno()) == 0
        for _ in range(3):
            near.sendall(b"x" * 20_000)
        held = [unread(near.fileno())]
        for _ in range(3):
            assert len(far.recv(20_000)) == 20_000
            held.append(unread(near.fileno()))
        assert held == sorted(held, reverse=True)
        assert held[0] >= 60_000
        assert held[-1] == 0
    assert unread(near.fileno()) == 0, "it is closed"


def test_over_tcp_it_falls_as_the_other_side_acknowledges() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
        with near, far:
            near.sendall(b"x" * 20_000)
            until(lambda: unread(near.fileno()) == 0)
