"""Looks at what ways there are to a box from other machines, for `rc doctor`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime

from supervisor import interfaces
from supervisor.core.findings import Finding
from supervisor.core.ways import LOCAL_PORT, PROXIES, Surroundings, ways_in
from supervisor.settings import Settings
from supervisor.web.certificates import tls_context
from workers.errors import Refused

SSH = 22
LISTENING = "0A"  # in the column `st` of proc(5)'s net/tcp


def look(settings: Settings, environ: Mapping[str, str], now: datetime) -> list[Finding]:
    """What is set up, what could be, and whether the certificate holds at `now`."""
    scheme = "https" if settings.tls_cert else "http"
    programs = [name for name in PROXIES if shutil.which(name, path=environ.get("PATH"))]
    around = Surroundings(
        addresses=tuple(interfaces.addresses()),
        urls=(*settings.public_url, *(f"{scheme}://{address}" for address in settings.listen)),
        programs=tuple(programs),
        has_sshd=listens(SSH),
        port=_port(settings.listen),
    )
    return [*ways_in(around), *_certificate(settings, now)]


def listens(port: int) -> bool:
    """Whether somebody on this machine does, on whatever address."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as file:
                rows = [line.split() for line in file][1:]
        except OSError:  # a kernel without
            continue
        if any(row[3] == LISTENING and row[1].endswith(f":{port:04X}") for row in rows):
            return True
    return False


def _port(listen: tuple[str, ...]) -> str:
    port = listen[0].rpartition(":")[2] if listen else ""
    return port if port.isdigit() and int(port) else LOCAL_PORT


def _certificate(settings: Settings, now: datetime) -> list[Finding]:
    if not settings.tls_cert:
        return []
    try:
        tls_context(settings.tls_cert, settings.tls_key, now)
    except Refused as refused:
        return [Finding("TLS", False, refused.detail, refused.hint)]
    return [Finding("TLS", True, f"{settings.tls_cert} holds, and its key belongs to it")]
