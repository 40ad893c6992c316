"""What this machine is found to offer."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from supervisor.core.findings import Finding
from supervisor.serveoptions import ServeOptions
from supervisor.settings import settle_all
from supervisor.waysin import listens, look
from tests.supervisor.web.doors import write_certificate

NOW = datetime.now(UTC)


def found(tmp_path: Path, path: str = "", **flags: object) -> dict[str, Finding]:
    settings = settle_all(ServeOptions(config=os.devnull, state_dir=str(tmp_path), **flags), {}, {})  # type: ignore[arg-type]
    return {each.check: each for each in look(settings, {"PATH": path}, NOW)}


def test_a_box_of_its_own_machine(tmp_path: Path) -> None:
    told = found(tmp_path)
    assert "only this machine" in told["way in"].detail
    assert "TLS" not in told and "way in: proxy" not in told


def test_a_proxy_and_a_public_address(tmp_path: Path) -> None:
    (tmp_path / "caddy").touch(0o755)
    told = found(tmp_path, str(tmp_path), public_url=("https://box.example",), listen=("127.0.0.1:9000",))
    assert told["way in"].detail.endswith("https://box.example")
    assert "127.0.0.1:9000" in told["way in: proxy"].hint
    told = found(tmp_path, str(tmp_path), listen=("127.0.0.1:0",))
    assert "127.0.0.1:7420" in told["way in: proxy"].hint


def test_a_certificate_is_looked_at(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path, not_after=NOW + timedelta(days=1))
    assert found(tmp_path, tls_cert=certificate, tls_key=key)["TLS"].ok
    certificate, key = write_certificate(tmp_path, not_after=NOW - timedelta(days=1))
    told = found(tmp_path, tls_cert=certificate, tls_key=key)["TLS"]
    assert not told.ok and "expired" in told.detail


def test_who_listens_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listens(port)
    assert not listens(port)
