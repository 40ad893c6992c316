"""Listening sockets: who may use them, and what is said when they cannot be had."""

from __future__ import annotations

import os
import socket
import ssl
import stat
from ipaddress import ip_network
from pathlib import Path

import pytest

from supervisor.web.sockets import ADDRESS_LIMIT, Manner, bind_tcp, bind_unix, parse_listen
from workers.errors import Refused


def test_the_unix_socket_is_for_this_account_and_replaces_an_old_one(tmp_path: Path) -> None:
    path = tmp_path / "state" / "rc.sock"
    for _ in range(2):
        entrance = bind_unix(str(path))
        with entrance.socket, socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert (entrance.transport, entrance.names) == ("unix", None)


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    path = os.path.join(tmp_path, "x" * ADDRESS_LIMIT, "rc.sock")
    with pytest.raises(Refused, match="too long") as caught:
        bind_unix(path)
    assert caught.value.code == "configuration"
    assert not os.path.exists(os.path.dirname(path))


def test_a_socket_that_cannot_be_bound_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "rc.sock").mkdir()
    with pytest.raises(OSError):
        bind_unix(str(tmp_path / "rc.sock"))


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0", "localhost:0"])
def test_a_port_of_the_loopback_is_bound(listen: str) -> None:
    entrance = bind_tcp(listen)
    with entrance.socket:
        port = entrance.socket.getsockname()[1]
        assert port > 0
        (url,) = entrance.urls
        assert url in (f"http://127.0.0.1:{port}", f"http://[::1]:{port}")
        assert entrance.names is not None and "localhost" in entrance.names.own


def test_a_port_in_use_is_named() -> None:
    with bind_tcp("127.0.0.1:0").socket as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Refused, match=f"{listen} is in use") as caught:
            bind_tcp(listen)
    assert caught.value.code == "configuration"


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "192.0.2.1:80", "example.org:80", "[::]:0"])
def test_what_others_could_reach_is_refused_without_tls(listen: str) -> None:
    with pytest.raises(Refused, match="loopback") as caught:
        bind_tcp(listen)
    assert "--tls-cert" in caught.value.hint and "--behind-proxy" in caught.value.hint


def test_behind_a_proxy_or_with_tls_others_may_reach_it() -> None:
    proxied = bind_tcp("0.0.0.0:0", Manner(proxies=(ip_network("10.0.0.1"),)))
    sealed = bind_tcp("0.0.0.0:0", Manner(public=("https://box.example",), tls=ssl.create_default_context()))
    local = bind_tcp("127.0.0.1:0", Manner(proxies=(ip_network("10.0.0.1"),)))
    with proxied.socket, sealed.socket, local.socket:
        assert proxied.is_behind_proxy and not sealed.is_behind_proxy and not local.is_behind_proxy
        assert all(url.startswith("http://") for url in proxied.urls)
        assert all(url.startswith("https://") for url in sealed.urls)
        assert not any("0.0.0.0" in url for url in (*proxied.urls, *sealed.urls))
        assert sealed.names is not None and sealed.names.public == ("https://box.example",)


def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(Refused, match="cannot be had"):
        bind_tcp("127.0.0.1:1") if os.geteuid() else bind_tcp("[::1%nonsense]:0")


@pytest.mark.parametrize(
    "listen",
    ["", "7420", ":7420", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "::1:80", "[::1]", "a:²"],
)
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_listen(listen)
    assert caught.value.code == "configuration"


def test_an_address_is_split() -> None:
    assert parse_listen("localhost:65535") == ("localhost", 65535)
    assert parse_listen("[::1]:0") == ("::1", 0)
