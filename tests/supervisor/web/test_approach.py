"""How requests come: directly, through a proxy, and through one that nobody trusts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network

import pytest

from supervisor.web.approach import Approach, check_approach
from supervisor.web.head import Head
from supervisor.web.hosts import Names
from supervisor.web.sockets import Entrance, Manner, bind_tcp
from workers.errors import Refused

PROXY, STRANGER = "10.0.0.1", "192.0.2.7"
TOLD = {"x_forwarded_for": "198.51.100.9", "x_forwarded_proto": "https", "x_forwarded_host": "box.example"}


@pytest.fixture
def entrance() -> Iterator[Entrance]:
    bound = bind_tcp("127.0.0.1:0")
    with bound.socket:
        yield bound


@pytest.fixture
def proxied(entrance: Entrance) -> Entrance:
    names = Names(frozenset({"10.0.0.5"}), public=("https://box.example",))
    return replace(entrance, names=names, manner=Manner(proxies=(ip_network("10.0.0.1"),)), is_behind_proxy=True)


def approach(entrance: Entrance, peer: str, method: str = "GET", **headers: str) -> Approach:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return check_approach(Head(method, "/v1/box", "/v1/box", "", named), entrance, peer)


def refused(entrance: Entrance, peer: str, method: str = "GET", **headers: str) -> bool:
    try:
        approach(entrance, peer, method, **headers)
    except Refused as refusal:
        assert refusal.code == "misdirected"
        return True
    return False


def test_a_direct_request_comes_from_its_connection(entrance: Entrance) -> None:
    came = approach(entrance, "127.0.0.1", host="LOCALHOST:5", **TOLD)  # what a stranger forwards is nothing to us
    assert (came.address, came.origins) == ("127.0.0.1", ("http://localhost:5",))


def test_a_request_without_host_is_not_ours(entrance: Entrance) -> None:
    assert refused(entrance, "127.0.0.1")


def test_a_trusted_proxy_tells_who_asks_and_for_whom(proxied: Entrance) -> None:
    came = approach(proxied, PROXY, host="10.0.0.5:7420", **TOLD)
    assert (came.address, came.origins) == ("198.51.100.9", ("https://box.example",))
    assert approach(proxied, PROXY, "POST", host="10.0.0.5", origin="https://box.example", **TOLD).address
    assert refused(proxied, PROXY, "POST", host="10.0.0.5", origin="https://10.0.0.5", **TOLD)
    assert refused(proxied, PROXY, host="10.0.0.5", **(TOLD | {"x_forwarded_host": "evil.example"}))


def test_a_proxy_that_says_nothing_asks_for_itself(proxied: Entrance) -> None:
    came = approach(proxied, PROXY, host="10.0.0.5:7420")
    assert (came.address, came.origins) == (PROXY, ("http://10.0.0.5:7420",))
    assert approach(proxied, PROXY, host="10.0.0.5:7420", x_forwarded_proto="https").origins == (
        "https://10.0.0.5:7420",
    )


def test_nobody_else_comes_where_only_the_proxy_may(proxied: Entrance) -> None:
    assert refused(proxied, STRANGER, host="10.0.0.5:7420")
    assert refused(proxied, STRANGER, host="box.example", **TOLD)
    came = approach(replace(proxied, is_behind_proxy=False), STRANGER, host="10.0.0.5:7420", **TOLD)
    assert came.address == STRANGER


def test_a_listener_on_all_addresses_goes_by_the_one_that_was_called(entrance: Entrance) -> None:
    every = replace(entrance, names=Names(frozenset(), public=("https://box.example",)))
    assert refused(every, STRANGER, host="0.0.0.0:7420")
    here = every.at("10.0.0.5")
    assert approach(here, STRANGER, host="10.0.0.5:7420").origins == ("http://10.0.0.5:7420",)
    assert approach(here, STRANGER, host="box.example").origins == ("https://box.example",)
    for other in ("0.0.0.0:7420", "10.0.0.6", "localhost", "[::]:7420"):
        assert refused(here, STRANGER, host=other)
    assert approach(every.at("127.0.0.1"), "127.0.0.1", host="localhost:80").origins
    assert approach(every.at("::ffff:10.0.0.5"), STRANGER, host="10.0.0.5").origins
    assert entrance.at("10.0.0.5") is entrance
