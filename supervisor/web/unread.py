"""How much of what was sent the other side of a socket has not taken yet: only the kernel knows."""

from __future__ import annotations

import fcntl
import sys
import termios


def unread(descriptor: int) -> int:
    """Octets that the kernel holds: on a Unix socket until they are read (some 36 KiB at a time), on TCP until they are
    acknowledged.

    That a socket can be written to says less: a Unix one can when three quarters of its buffer are empty, which takes
    a slow reader seconds. See SIOCOUTQ in tcp(7) and unix(7).
    """
    if descriptor < 0:  # closed meanwhile: nothing of it is left to be taken
        return 0
    return int.from_bytes(fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
