"""Opens files beneath a directory without ever following a link: openat2(2), which the standard library lacks."""

from __future__ import annotations

import ctypes
import errno
import os

SYS_OPENAT2 = 437  # one number on every architecture that Linux has gained or kept since 5.6
NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS, BENEATH = 0x01, 0x02, 0x04, 0x08  # linux/openat2.h
INSIDE = BENEATH | NO_SYMLINKS | NO_MAGICLINKS
TRIES = 16  # EAGAIN means that something was renamed meanwhile; whoever renames without end may fail us, not hold us

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_beneath(directory: int, path: str | bytes, flags: int, resolve: int = INSIDE) -> int:
    """A descriptor (close-on-exec) of `path`, which is relative to the descriptor `directory` and stays beneath it.

    Raises OSError: ELOOP for a link on the way or at the end, EXDEV for `..` and absolute paths (with NO_XDEV also
    for another mount), else as open(2) does. Never creates anything. Pass O_NONBLOCK, or a FIFO holds you.
    """
    how = _How(flags | os.O_CLOEXEC, 0, resolve)
    name = os.fsencode(path)
    if b"\0" in name:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    for _ in range(TRIES):
        descriptor = int(
            _libc.syscall(
                ctypes.c_long(SYS_OPENAT2),
                ctypes.c_int(directory),
                ctypes.c_char_p(name),
                ctypes.byref(how),
                ctypes.c_size_t(ctypes.sizeof(how)),
            )
        )
        if descriptor >= 0:
            return descriptor
        if ctypes.get_errno() not in (errno.EINTR, errno.EAGAIN):
            break
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), os.fsdecode(name))
