"""The addresses of this machine."""

from __future__ import annotations

import ipaddress

from supervisor.interfaces import addresses


def test_the_loopback_is_always_there_and_no_address_needs_its_link_named() -> None:
    found = addresses()
    assert ("lo", ipaddress.ip_address("127.0.0.1")) in found
    assert not any(address.is_link_local for _, address in found if address.version == 6)
