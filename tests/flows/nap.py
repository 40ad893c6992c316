"""A machine that falls asleep with a box on it, as laptops do: ten minutes pass for the box, and none for the test."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("nap.c")


class Nap:
    """`environment` is what a program needs that is to sleep with the machine."""

    def __init__(self, folder: Path) -> None:
        self._slept = 0
        self._file = folder / "slept"
        library = folder / "nap.so"
        self._write()
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE], check=True)
        self.environment = {"LD_PRELOAD": str(library), "NAP_FILE": str(self._file)}

    def sleep(self, seconds: int) -> None:
        """At once. Timers stand still meanwhile, as they do."""
        self._slept += seconds
        self._write()

    def _write(self) -> None:
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("@l", self._slept))
