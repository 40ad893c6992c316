"""Host, Origin and Sec-Fetch-Site."""

from __future__ import annotations

import pytest

from supervisor.web.head import Head
from supervisor.web.hosts import LOOPBACK, allowed_hosts, check_meant_for_us, is_loopback
from workers.errors import Refused


def meant(hosts: frozenset[str] = LOOPBACK, **headers: str) -> bool:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    try:
        check_meant_for_us(Head("GET", "/", "/", "", named), hosts)
    except Refused as refused:
        assert refused.code == "misdirected"
        return False
    return True


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "localhost:7420", "[::1]:80", "LocalHost:1"])
def test_every_name_of_the_loopback_is_ours(host: str) -> None:
    assert meant(host=host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "evil.example:7420",
        "localhost:",
        "localhost:abc",
        "localhost:123456",
        "localhost:1@evil.example",
        "user@localhost",
        "::1",
        "[::1",
        "[::2]",
        "127.0.0.2",
        "0.0.0.0",
        "127.1",
        "localhost.",
        " localhost",
        "localhost\t",
        "lоcalhost",
    ],
)
def test_every_other_name_is_not(host: str) -> None:
    assert not meant(host=host)


def test_a_request_without_host_is_not_ours() -> None:
    assert not meant()


def test_an_origin_is_exactly_the_host_or_absent() -> None:
    assert meant(host="localhost:5", origin="http://localhost:5")
    assert meant(host="LOCALHOST:5", origin="http://localhost:5")
    for origin in ("https://localhost:5", "http://localhost", "http://127.0.0.1:5", "null", "", "http://localhost:5/"):
        assert not meant(host="localhost:5", origin=origin), origin


def test_two_origins_must_both_be_ours() -> None:
    headers = (("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://evil.example"))
    with pytest.raises(Refused):
        check_meant_for_us(Head("GET", "/", "/", "", headers), LOOPBACK)


def test_only_our_own_pages_and_people_fetch() -> None:
    for site in ("same-origin", "none"):
        assert meant(host="localhost", sec_fetch_site=site)
    for site in ("cross-site", "same-site", "", "nonsense"):
        assert not meant(host="localhost", sec_fetch_site=site), site


def test_a_listener_goes_by_the_name_it_was_given() -> None:
    assert allowed_hosts("127.0.0.1") == LOOPBACK
    assert allowed_hosts("127.0.0.7") == LOOPBACK | {"127.0.0.7"}
    assert allowed_hosts("::1") == LOOPBACK
    assert allowed_hosts("Box.Example") == {"box.example"}
    assert meant(allowed_hosts("box.example"), host="BOX.example:80")
    assert not meant(allowed_hosts("box.example"), host="localhost")


def test_what_is_loopback() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "10.0.0.1", "example.org", ""]))
