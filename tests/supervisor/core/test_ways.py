"""The ways in that are told of."""

from __future__ import annotations

from ipaddress import ip_address

from supervisor.core.findings import Finding
from supervisor.core.ways import Surroundings, is_tailnet, ways_in

LO, ETH = ("lo", ip_address("127.0.0.1")), ("eth0", ip_address("192.168.1.5"))
TAIL = ("utun3", ip_address("100.101.102.103"))


def found(around: Surroundings) -> dict[str, Finding]:
    return {each.check.removeprefix("way in: "): each for each in ways_in(around)}


def test_a_machine_that_offers_nothing_says_how_it_could() -> None:
    told = found(Surroundings((LO,), ("http://127.0.0.1:7420",), (), has_sshd=False))
    assert list(told) == ["way in"]
    assert "only this machine" in told["way in"].detail
    assert "--public-url" in told["way in"].hint


def test_each_way_says_what_to_do_with_it() -> None:
    told = found(Surroundings((LO, ETH, TAIL), (), ("caddy", "nginx"), has_sshd=True, port="9000"))
    assert list(told) == ["way in", "tailnet", "network", "proxy", "ssh"]
    assert told["tailnet"].detail == "100.101.102.103 (utun3)"
    assert "tailscale serve --bg 9000" in told["tailnet"].hint
    assert told["network"].detail == "192.168.1.5 (eth0)"
    assert "--tls-cert" in told["network"].hint
    assert "--behind-proxy" in told["proxy"].hint and told["proxy"].detail.startswith("caddy, nginx")
    assert "ssh -N -L 9000:127.0.0.1:9000" in told["ssh"].hint
    assert all(each.ok for each in told.values())


def test_what_is_set_up_is_told_with_what_browsers_make_of_it() -> None:
    urls = ("https://box.example", "http://127.0.0.1:7420")
    told = found(Surroundings((LO,), urls, (), has_sshd=False))["way in"]
    assert (told.detail.endswith("at https://box.example"), told.hint) == (True, "")
    assert "https only" in found(Surroundings((LO,), ("http://box:80",), (), has_sshd=False))["way in"].hint


def test_a_tailnet_is_told_by_its_addresses_or_its_name() -> None:
    assert is_tailnet(*TAIL)
    assert is_tailnet("tailscale0", ip_address("10.0.0.1"))
    assert is_tailnet("utun3", ip_address("fd7a:115c:a1e0::7"))
    assert not is_tailnet(*ETH) and not is_tailnet("eth0", ip_address("fd00::1"))
