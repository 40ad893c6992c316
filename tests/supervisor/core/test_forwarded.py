"""What a trusted proxy says of a request."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from supervisor.core.forwarded import Told, address_of, is_trusted, read, site_of
from workers.errors import Refused

PROXIES = (ip_network("10.0.0.0/24"), ip_network("fd00::1/128"))


def custom(hops: str = "", scheme: str = "", host: str = "") -> Told:
    return read(PROXIES, [], *([value] if value else [] for value in (hops, scheme, host)))


def test_addresses_are_undressed() -> None:
    assert str(address_of("::ffff:192.0.2.7")) == "192.0.2.7"
    assert str(address_of("fe80::1%eth0")) == "fe80::1"
    assert address_of("box.example") is None


def test_a_household_counts_as_one() -> None:
    assert site_of("2001:db8:0:7:1:2:3:4") == site_of("2001:db8:0:7::9") == "2001:db8:0:7::/64"
    assert site_of("192.0.2.7") == site_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert site_of("nonsense") == "nonsense"


def test_who_is_trusted() -> None:
    assert is_trusted("10.0.0.9", PROXIES) and is_trusted("::ffff:10.0.0.9", PROXIES) and is_trusted("fd00::1", PROXIES)
    assert not is_trusted("10.0.1.9", PROXIES) and not is_trusted(None, PROXIES) and not is_trusted("fd00::2", PROXIES)


def test_nothing_said_is_nothing_told() -> None:
    assert read(PROXIES, [], [], [], []) == Told()
    assert read(PROXIES, [","], [], [], []) == Told()


def test_the_client_is_the_last_hop_that_is_no_proxy_of_ours() -> None:
    assert custom("192.0.2.7").address == "192.0.2.7"
    assert (
        custom("6.6.6.6, 192.0.2.7, 10.0.0.3").address == "192.0.2.7"
    )  # what a client wrote itself counts for nothing
    assert custom("10.0.0.4, 10.0.0.3").address == "10.0.0.4"
    assert custom("192.0.2.7, unknown, 10.0.0.3").address == "10.0.0.3"
    assert custom("unknown").address is None


@pytest.mark.parametrize("hop", ["192.0.2.7:4711", "192.0.2.7", "::ffff:192.0.2.7", "[::ffff:192.0.2.7]:80"])
def test_a_hop_may_have_a_port(hop: str) -> None:
    assert custom(hop).address == "192.0.2.7"


def test_scheme_and_host_are_those_of_the_nearest_proxy() -> None:
    assert custom(scheme="http, HTTPS", host="evil.example, Box.Example:8443") == Told(
        None, "https", "box.example:8443"
    )


def test_the_standard_header_says_the_same() -> None:
    value = 'for=6.6.6.6;host=evil.example, for="[2001:db8::1]:4711";proto=https, for=10.0.0.3;proto=HTTP'
    assert read(PROXIES, [value], [], [], []) == Told("2001:db8::1", "http", None)
    assert read(PROXIES, ["for=192.0.2.7;proto=https", 'Host="box.example";nonsense'], [], [], []).host == "box.example"
    assert read(PROXIES, ["proto=gopher"], [], [], []) == custom(scheme="gopher") == Told()


def test_both_kinds_must_agree() -> None:
    said = ["for=192.0.2.7;proto=https;host=box.example"]
    agreed = read(PROXIES, said, ["192.0.2.7"], ["https"], ["box.example"])
    assert agreed == Told("192.0.2.7", "https", "box.example")
    with pytest.raises(Refused) as caught:
        read(PROXIES, said, ["192.0.2.8"], ["https"], ["box.example"])
    assert caught.value.code == "misdirected"
