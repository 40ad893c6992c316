"""The client of the box that is meant."""

from __future__ import annotations

import argparse

from supervisor.cli import client as clients


def test_it_asks_the_box_that_the_words_mean() -> None:
    client = clients.of(argparse.Namespace(state_dir=None, box="unix:/nowhere/rc.sock"))
    assert client.transport.name == "socket /nowhere/rc.sock"
    assert client.address.state_dir is None
