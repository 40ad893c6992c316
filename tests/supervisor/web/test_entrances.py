"""What a box listens on by its settings."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from supervisor.serveoptions import ServeOptions
from supervisor.settings import Settings, settle_all
from supervisor.web.entrances import bind_all, manner_of, urls_of
from tests.supervisor.web.doors import write_certificate
from workers.errors import Refused

NOW = datetime.now(UTC)


def settings(state: Path, **flags: object) -> Settings:
    given = ServeOptions(config=os.devnull, state_dir=str(state), **{"listen": ("127.0.0.1:0",), **flags})  # type: ignore[arg-type]
    return settle_all(given, {}, {})


def test_nothing_said_is_plain_http_on_the_loopback(tmp_path: Path) -> None:
    entrances = bind_all(settings(tmp_path), NOW)
    try:
        assert [each.transport for each in entrances] == ["tcp", "unix"]
        (url,) = urls_of(settings(tmp_path), entrances)
        assert url.startswith("http://127.0.0.1:")
    finally:
        for each in entrances:
            each.socket.close()


def test_tls_a_proxy_and_public_addresses_are_taken_up(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    public = ("https://box.example", "https://other.example:8443")
    asked = settings(tmp_path, tls_cert=certificate, tls_key=key, behind_proxy=("10.0.0.0/8",), public_url=public)
    entrances = bind_all(asked, NOW)
    try:
        assert entrances[0].manner.proxies == (ip_network("10.0.0.0/8"),)
        urls = urls_of(asked, entrances)
        assert urls[:2] == list(public)
        assert urls[2].startswith("https://127.0.0.1:")
    finally:
        for each in entrances:
            each.socket.close()


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    for half, missing in (({"tls_cert": certificate}, "--tls-key"), ({"tls_key": key}, "--tls-cert")):
        with pytest.raises(Refused, match=f"{missing} is missing"):
            manner_of(settings(tmp_path, **half), NOW)


def test_an_expired_certificate_keeps_nothing_open(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path, not_after=NOW - timedelta(days=1))
    with pytest.raises(Refused, match="expired"):
        bind_all(settings(tmp_path, tls_cert=certificate, tls_key=key), NOW)
    assert not (tmp_path / "rc.sock").exists()


def test_what_was_bound_before_a_refusal_is_free_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(Refused, match="loopback"):
        bind_all(settings(tmp_path, listen=(f"127.0.0.1:{port}", "0.0.0.0:0")), NOW)
    socket.create_server(("127.0.0.1", port)).close()
