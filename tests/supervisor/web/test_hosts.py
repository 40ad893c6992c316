"""Host, Origin and Sec-Fetch-Site."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.web.head import Head
from supervisor.web.hosts import LOOPBACK, Names, check_origin, in_url, is_every, is_loopback, own_names
from workers.errors import Refused

HERE = Names(LOOPBACK)


def meant(names: Names = HERE, method: str = "GET", path: str = "/v1/box", host: str = "", **headers: str) -> bool:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    origins = names.origins(host.lower(), None)
    try:
        check_origin(Head(method, path, path, "", named), origins)
    except Refused as refused:
        assert refused.code == "misdirected"
        return False
    return bool(origins)


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


def test_an_origin_is_exactly_the_host_or_absent() -> None:
    assert meant(host="localhost:5", origin="http://localhost:5")
    assert meant(host="LOCALHOST:5", origin="http://localhost:5")
    for origin in ("https://localhost:5", "http://localhost", "http://127.0.0.1:5", "null", "", "http://localhost:5/"):
        assert not meant(host="localhost:5", origin=origin), origin


def test_two_origins_must_both_be_ours() -> None:
    headers = (("origin", "http://localhost"), ("origin", "http://evil.example"))
    with pytest.raises(Refused):
        check_origin(Head("GET", "/", "/", "", headers), ("http://localhost",))


def test_only_our_own_pages_and_people_fetch() -> None:
    for site in ("same-origin", "none"):
        assert meant(host="localhost", sec_fetch_site=site)
    for site in ("cross-site", "same-site", "", "nonsense"):
        assert not meant(host="localhost", sec_fetch_site=site), site


LINK: dict[str, Any] = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}


def test_a_link_of_another_site_opens_a_page_and_nothing_else() -> None:
    for path in ("/", "/pair", "/code/session_a"):
        assert meant(host="localhost", path=path, **LINK)
        assert not meant(host="localhost", path=path, method="POST", **LINK)
        for other in ({"sec_fetch_dest": "iframe"}, {"sec_fetch_mode": "no-cors"}, {"origin": "http://evil.example"}):
            assert not meant(host="localhost", path=path, **(LINK | other))
    for path in ("/v1/box", "/healthz", "/v1/stream", "/code/a/b", "/openapi.json"):
        assert not meant(host="localhost", path=path, **LINK)


def test_a_listener_goes_by_the_name_it_was_given() -> None:
    assert own_names("127.0.0.1") == LOOPBACK
    assert own_names("127.0.0.7") == LOOPBACK | {"127.0.0.7"}
    assert own_names("::1") == LOOPBACK
    assert own_names("Box.Example") == {"box.example"}
    assert own_names("0.0.0.0") == own_names("::") == frozenset()
    assert meant(Names(own_names("box.example")), host="BOX.example:80")
    assert not meant(Names(own_names("box.example")), host="localhost")


def test_a_public_address_is_a_name_with_an_origin_of_its_own() -> None:
    public = Names(LOOPBACK, public=("https://box.example", "https://box.example:8443", "http://[fd00::7]:80"))
    assert public.origins("box.example", None) == ("https://box.example", "https://box.example:8443")
    assert meant(public, host="box.example", origin="https://box.example:8443")  # a proxy may leave the port away
    assert not meant(public, host="box.example", origin="http://box.example")
    assert not meant(public, host="localhost", origin="https://box.example")
    assert meant(public, host="[fd00::7]", origin="http://[fd00::7]:80")
    assert str(public) == "127.0.0.1 or [::1] or [fd00::7] or box.example or localhost"


def test_what_a_proxy_saw_decides_on_the_scheme_of_our_own_name() -> None:
    own = Names(frozenset({"10.0.0.5"}))
    assert own.origins("10.0.0.5:7420", "https") == ("https://10.0.0.5:7420",)
    assert own.origins("10.0.0.5:7420", None) == ("http://10.0.0.5:7420",)


def test_what_is_loopback_and_what_is_everything() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "10.0.0.1", "example.org", ""]))
    assert is_every("0.0.0.0") and is_every("::") and not is_every("10.0.0.1") and not is_every("box")
    assert (in_url("::1"), in_url("box")) == ("[::1]", "box")
