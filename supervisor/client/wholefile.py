"""Files that nobody else may read, and that are there as a whole or not at all, also after a power cut."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import IO


@contextlib.contextmanager
def open_whole(path: str) -> Iterator[IO[bytes]]:
    """What is written in the block is at `path` after it; when the block fails, what was there before still is.

    Raises OSError, before the block where nothing can be written there.
    """
    if os.path.isdir(path):  # nothing could take its place
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    # By chance, and new: the folder may be anybody's, and so a file whose name they could guess.
    temporary = f"{path}.{os.urandom(8).hex()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    above = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(above)
    finally:
        os.close(above)


def write_whole(path: str, data: bytes) -> None:
    """The same at once."""
    with open_whole(path) as file:
        file.write(data)
