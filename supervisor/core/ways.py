"""The ways to a box from other machines: those that are set up, and those that this machine offers."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from supervisor.core.findings import Finding
from supervisor.core.forwarded import Address
from supervisor.core.reach import HOW_TO_BE_REACHED, is_secure, others_can_reach

TAILNETS = (ipaddress.ip_network("100.64.0.0/10"), ipaddress.ip_network("fd7a:115c:a1e0::/48"))
PROXIES = ("caddy", "nginx", "traefik", "haproxy", "apache2", "cloudflared")  # programs that are looked for
LOCAL_PORT = "7420"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was looked up. `addresses` are those of the machine with the names of their interfaces; `urls` how the box
    is reached by its settings; `programs` which of `PROXIES` are installed; `port` the first one that it listens on."""

    addresses: tuple[tuple[str, Address], ...]
    urls: tuple[str, ...]
    programs: tuple[str, ...]
    has_sshd: bool
    port: str = LOCAL_PORT


def is_tailnet(interface: str, address: Address) -> bool:
    """Whether an address is one that Tailscale has given: only a tailnet reaches it, and over an encrypted line."""
    named = interface.startswith("tailscale")
    return named or any(address.version == net.version and address in net for net in TAILNETS)


def ways_in(around: Surroundings) -> list[Finding]:
    """One finding for each, what is set up first; none of them is a fault."""
    found = [_set_up(around.urls)]
    outer = [(name, address) for name, address in around.addresses if not address.is_loopback]
    tailnet = [f"{address} ({name})" for name, address in outer if is_tailnet(name, address)]
    network = [f"{address} ({name})" for name, address in outer if not is_tailnet(name, address)]
    port = around.port
    if tailnet:
        hint = f"tailscale serve --bg {port}, then rc serve --public-url https://NAME.TAILNET.ts.net"
        found.append(Finding("way in: tailnet", True, ", ".join(tailnet), hint))
    if network:
        hint = (
            f"rc serve --listen ADDRESS:{port} --tls-cert FILE --tls-key FILE, with a certificate that browsers trust"
        )
        found.append(Finding("way in: network", True, ", ".join(network), hint))
    if around.programs:
        hint = (
            f"have it forward to http://127.0.0.1:{port}, WebSockets too, and set X-Forwarded-For, -Proto and -Host; "
            "then rc serve --behind-proxy 127.0.0.1 --public-url https://NAME"
        )
        found.append(Finding("way in: proxy", True, f"{', '.join(around.programs)} is installed here", hint))
    if around.has_sshd:
        hint = (
            f"rc --box ssh://HOST, or for a browser: ssh -N -L {port}:127.0.0.1:{port} HOST and http://localhost:{port}"
        )
        found.append(Finding("way in: ssh", True, "somebody listens on port 22 of this machine", hint))
    return found


def _set_up(urls: tuple[str, ...]) -> Finding:
    reached = [url for url in urls if others_can_reach(url)]
    if not reached:
        return Finding("way in", True, "by its settings only this machine reaches the box", HOW_TO_BE_REACHED)
    hint = "" if any(map(is_secure, reached)) else "a browser can be paired over https only; rc login goes either way"
    return Finding("way in", True, f"by its settings others reach the box at {', '.join(reached)}", hint)
