"""The addresses of this machine, by network interface."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct

SIOCGIFADDR = 0x8915  # netdevice(7); Python has no name for it
NAME_MAX = 15  # octets of an interface's name, by the kernel's IFNAMSIZ
INET6 = "/proc/net/if_inet6"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def addresses() -> list[tuple[str, Address]]:
    """Name and address of each interface: its first IPv4 address, and all of IPv6 but those of one link only."""
    found: list[tuple[str, Address]] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            try:
                told = fcntl.ioctl(asking, SIOCGIFADDR, struct.pack("256s", name.encode()[:NAME_MAX]))
            except OSError:  # it has none, or has gone
                continue
            found.append((name, ipaddress.IPv4Address(told[20:24])))
    return found + _inet6()


def _inet6() -> list[tuple[str, Address]]:
    try:
        with open(INET6, encoding="ascii") as file:
            lines = [line.split() for line in file]
    except OSError:  # a kernel without
        return []
    read = [(fields[5], ipaddress.IPv6Address(bytes.fromhex(fields[0]))) for fields in lines]
    return [(name, address) for name, address in read if not address.is_link_local]
