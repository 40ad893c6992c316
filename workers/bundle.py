"""The bundle: the directory by which a worker is found again."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from typing import Any

from workers.core.spec import Spec

READ = 8 << 10  # octets at a time; no small file but a specification with a large environment has more


class Bundle:
    """Paths and durable small files of one session's directory.

    `spec.json`, `key` (32 octets, hexadecimal), `lock` (flock: held = the holder lives), `link` (the worker's
    socket), `events-*.j`, `terminal-*.j`, `journal.json` (history and boot id), `worker.json` (who runs it),
    `epoch.json` (that of the last supervisor), `screen.json` (how an ended terminal looks), `exit.json` (how it
    ended), `err` (what the worker wrote to stderr), `reserve` (room for its last words on a full disk), `blobs/`
    (what was too large for an event, by SHA-256) and `void` (whoever finds it exits).
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    @classmethod
    def create(cls, directory: str, spec: Spec) -> Bundle:
        """A new bundle, on disk when this returns. Raises FileExistsError for a second one of the same session."""
        os.mkdir(directory, 0o700)
        bundle = cls(directory)
        bundle.write("key", os.urandom(32).hex())
        bundle.write("spec.json", spec.to_json())
        return bundle

    def write(self, name: str, text: str, durable: bool = True) -> None:
        """Write a small file so that after a power cut it is the old one or the new one, never half.

        One that need not outlive this boot is not `durable`, and costs no wait for the disk.
        """
        temporary = self.path(f".{name}.new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            data = text.encode()
            while data:
                data = data[os.write(descriptor, data) :]
            if durable:
                os.fsync(descriptor)
        except OSError:
            os.unlink(temporary)  # half a file would keep room that a full disk needs
            raise
        finally:
            os.close(descriptor)
        os.rename(temporary, self.path(name))
        if not durable:
            return
        folder = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def read(self, name: str) -> str | None:
        """The text of a small file, None where there is none."""
        try:
            return read_small(self.path(name)).decode()
        except FileNotFoundError:
            return None

    def read_json(self, name: str) -> dict[str, Any] | None:
        """A small file as a JSON object; None where there is none, or where it does not hold one."""
        try:
            value = json.loads(self.read(name) or "null")
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def spec(self) -> Spec:
        """Raises ValueError when there is none that we can read."""
        return Spec.from_json(self.read("spec.json") or "null")

    def key(self) -> bytes:
        """Raises ValueError when it is missing or torn."""
        return bytes.fromhex(self.read("key") or "none")

    def history_for(self, boot: str) -> str:
        """The id of the journal's unbroken numbering, for the holder of the lock who is about to write under `boot`.

        After another boot it is a new one: the power may have failed, and with it numbers that people saw.
        """
        known = self.read_json("journal.json")
        if known is not None and known.get("boot_id") == boot:
            return str(known["history"])
        history = os.urandom(8).hex()
        # Not durable: another boot has another history, so nobody asks for this one behind a power cut.
        self.write("journal.json", json.dumps({"history": history, "boot_id": boot}), durable=False)
        return history

    def is_void(self) -> bool:
        return os.path.exists(self.path("void"))

    def try_lock(self) -> int | None:
        """The lock's descriptor when nobody holds it, else None. Keep it open for as long as you are the holder."""
        descriptor = os.open(self.path("lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor

    def connect(self) -> socket.socket:
        """A blocking connection to the worker's socket. Raises OSError when nobody listens, or nobody accepts."""
        # An address holds 107 octets at most, a state directory may be longer: go by a descriptor.
        folder = os.open(self.directory, os.O_PATH | os.O_CLOEXEC)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)  # a worker that was stopped accepts nobody, and a full queue would hold us
        try:
            connection.connect(f"/proc/self/fd/{folder}/link")
            connection.setblocking(True)
        except OSError:
            connection.close()
            raise
        finally:
            os.close(folder)
        return connection


def read_small(path: str) -> bytes:
    """A whole small file, in four system calls: `open` needs eleven, and a worker reads a dozen as it starts."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = piece = os.read(descriptor, READ)
        while piece:
            piece = os.read(descriptor, READ)
            data += piece
        return data
    finally:
        os.close(descriptor)


def boot_id() -> str:
    """The kernel's name for this boot."""
    return read_small("/proc/sys/kernel/random/boot_id").decode().strip()


def start_time(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; None when it is gone. With pid and boot id it names one
    process for ever (a zombie still has it: ask `State` too where that matters)."""
    try:
        return int(read_small(f"/proc/{pid}/stat").rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None
