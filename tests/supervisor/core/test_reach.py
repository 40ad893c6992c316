"""Addresses of a box."""

from __future__ import annotations

import pytest

from supervisor.core.reach import is_ip, is_secure, origin_of, others_can_reach, own_urls


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://box.example", "https://box.example"),
        ("HTTPS://Box.Example:443/", "https://box.example"),
        ("http://box:80", "http://box"),
        ("http://box:443", "http://box:443"),
        ("https://192.0.2.7:7420", "https://192.0.2.7:7420"),
        ("https://[2001:DB8::7]:7420/", "https://[2001:db8::7]:7420"),
        ("https://my_box.tail-1.ts.net.", "https://my_box.tail-1.ts.net."),
    ],
)
def test_an_address_is_scheme_name_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("", "write https://NAME"),
        ("box.example", "write https://NAME"),
        ("box.example:443", "write https://NAME"),
        ("ftp://box.example", "write https://NAME"),
        ("https://", "write https://NAME"),
        ("https://box.example/rc", "more than scheme"),
        ("https://box.example?x", "more than scheme"),
        ("https://box.example#x", "more than scheme"),
        ("https://me@box.example", "more than scheme"),
        ("https://box.example:x", "is no URL"),
        ("https://box.example:70000", "is no URL"),
        ("https://[::1", "is no URL"),
        ("https://bóx.example", "is no host name"),
        ("https://-box.example", "is no host name"),
        ("https://box..example", "is no host name"),
        ("https://box example", "is no host name"),
    ],
)
def test_what_is_none_says_why(url: str, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        origin_of(url)


def test_others_reach_whatever_is_not_this_machine_itself() -> None:
    for url in ("https://box.example", "http://192.168.1.7:7420", "https://[fd00::7]", "http://100.64.0.3"):
        assert others_can_reach(url), url
    for url in (
        "http://localhost:7420",
        "http://app.localhost.",
        "http://127.0.0.1",
        "http://127.9.9.9",
        "http://[::1]",
    ):
        assert not others_can_reach(url), url
    for url in ("http://0.0.0.0:7420", "http://[::]:7420", ""):
        assert not others_can_reach(url), url


def test_a_browser_pairs_over_https_and_on_this_machine() -> None:
    assert is_secure("https://box.example") and is_secure("http://localhost:7420")
    assert not is_secure("http://192.168.1.7:7420")


def test_an_address_is_told_from_a_name() -> None:
    assert is_ip("192.0.2.7") and is_ip("[::1]") and not is_ip("box.example") and not is_ip("")


def test_a_box_comes_back_where_it_listened_and_not_where_others_reach_it() -> None:
    urls = ["https://box.example", "http://127.0.0.1:7420"]
    public = {"key": "public_url", "value": ["https://box.example"]}
    assert own_urls({"urls": urls, "settings": [{"key": "name", "value": "box"}, public]}) == urls[1:]
    assert own_urls({"urls": urls[1:]}) == urls[1:]
