"""Waiting in steps."""

from __future__ import annotations

import socket

import pytest

from supervisor.client.heedful import heedful, wait_readable


def test_what_has_come_is_read_and_what_has_not_is_given_up() -> None:
    ours, theirs = socket.socketpair()
    with heedful(ours, 0.02) as reading, theirs:
        with pytest.raises(TimeoutError):
            reading.recv_into(bytearray(1))
        theirs.sendall(b"x")
        wait_readable(reading)
        assert reading.recv_into(data := bytearray(1)) == 1
        assert data == b"x"
    assert ours.fileno() == -1
